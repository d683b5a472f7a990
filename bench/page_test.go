package main

import "testing"

func TestReplace(t *testing.T) {
	const page = "by hand\n<!-- begin a -->\nold\n<!-- end a -->\nbetween\n<!-- begin b -->\n<!-- end b -->\nbelow\n"
	got, err := replace(page, "a", "new\n\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err = replace(got, "b", "first")
	if err != nil {
		t.Fatal(err)
	}
	const want = "by hand\n<!-- begin a -->\nnew\n<!-- end a -->\nbetween\n<!-- begin b -->\nfirst\n<!-- end b -->\nbelow\n"
	if got != want {
		t.Errorf("the page is\n%s", got)
	}
	again, err := replace(want, "a", "new")
	if err != nil || again != want {
		t.Errorf("a second time, with %v, changes the page:\n%s", err, again)
	}
}

func TestReplaceRefuses(t *testing.T) {
	for name, page := range map[string]string{
		"no markers":     "by hand\n",
		"no end":         "<!-- begin a -->\nold\n",
		"wrong order":    "<!-- end a -->\n<!-- begin a -->\n",
		"twice":          "<!-- begin a -->\n<!-- end a -->\n<!-- begin a -->\n<!-- end a -->\n",
		"another's name": "<!-- begin ab -->\n<!-- end ab -->\n",
	} {
		if got, err := replace(page, "a", "new"); err == nil {
			t.Errorf("%s: the page became\n%s", name, got)
		}
	}
}

func TestTable(t *testing.T) {
	got := table([][]string{{"client", "µs"}, {"ours", "1.5"}})
	const want = "| client | µs  |\n|--------|-----|\n| ours   | 1.5 |\n"
	if got != want {
		t.Errorf("the table is\n%s", got)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"7": whole(7.4), "1\u00a0234": whole(1234), "1\u00a0234\u00a0568": whole(1234567.8), "-12\u00a0000": whole(-12000),
		"2.50 ms": duration(0.0025), "12.00 µs": duration(12e-6), "3.10 s": duration(3.1),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSlopeOfTheLastDecade(t *testing.T) {
	c := curve{}
	for _, x := range []float64{10, 100, 1000, 10_000} {
		c.add(x, 1000+x*x/1e3) // a constant hides the square until late
	}
	if c.slope() > 1.4 || c.lastSlope() < 1.5 {
		t.Errorf("slope %.2f, of the last decade %.2f", c.slope(), c.lastSlope())
	}
}
