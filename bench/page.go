package main

import (
	"fmt"
	"strings"
)

// replace puts text between the markers of a name: what stands elsewhere is written by hand and
// stays. A page without the markers is an error, and so is one that has them twice.
func replace(page, name, text string) (string, error) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	head, rest, ok := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed || strings.Contains(tail, begin) || strings.Contains(head, end) {
		return "", fmt.Errorf("the page has no %q with %q behind it, once", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return head + begin + strings.TrimRight(text, "\n") + "\n" + end + tail, nil
}
