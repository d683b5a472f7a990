/* The client of libstrophe: reads a corpus and says what it has seen, as the Go clients do. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/resource.h>
#include <time.h>

enum { CHAT, GROUPCHAT, PRESENCE, ARCHIVE, KINDS };

static long stanzas[KINDS], from_bytes, text_bytes;
static double first, cpu;
static const char *job;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* max_rss is the most memory this program had; getrusage would count in its parent's. */
static long max_rss(void)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb * 1024;
}

static void hear(xmpp_ctx_t *ctx, int kind, const char *from, xmpp_stanza_t *text)
{
    char *s = text ? xmpp_stanza_get_text(text) : NULL;

    if (!first)
        first = now();
    stanzas[kind]++;
    from_bytes += from ? strlen(from) : 0;
    text_bytes += s ? strlen(s) : 0;
    if (s)
        xmpp_free(ctx, s);
}

static void end(xmpp_ctx_t *ctx)
{
    printf("{\"stanzas\":[%ld,%ld,%ld,%ld],\"from\":%ld,\"text\":%ld,\"elapsed\":%f,\"cpu\":%f,\"rss\":%ld}\n",
           stanzas[CHAT], stanzas[GROUPCHAT], stanzas[PRESENCE], stanzas[ARCHIVE], from_bytes, text_bytes,
           now() - first, cpu_seconds() - cpu, max_rss());
    xmpp_stop(ctx);
}

static int on_presence(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    (void)data;
    hear(xmpp_conn_get_context(conn), PRESENCE, xmpp_stanza_get_from(s), xmpp_stanza_get_child_by_name(s, "status"));
    return 1;
}

static int on_message(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    xmpp_ctx_t *ctx = xmpp_conn_get_context(conn);
    const char *from = xmpp_stanza_get_from(s), *type = xmpp_stanza_get_type(s);
    xmpp_stanza_t *inner;

    (void)data;
    if (!type) {
        inner = xmpp_stanza_get_child_by_name(s, "result");
        inner = inner ? xmpp_stanza_get_child_by_name(inner, "forwarded") : NULL;
        inner = inner ? xmpp_stanza_get_child_by_name(inner, "message") : NULL;
        if (inner)
            hear(ctx, ARCHIVE, xmpp_stanza_get_from(inner), xmpp_stanza_get_child_by_name(inner, "body"));
    } else if (!strcmp(type, "groupchat")) {
        hear(ctx, GROUPCHAT, from, xmpp_stanza_get_child_by_name(s, "body"));
    } else if (!strncmp(from, "end@", 4)) {
        end(ctx);
    } else {
        hear(ctx, CHAT, from, xmpp_stanza_get_child_by_name(s, "body"));
    }
    return 1;
}

static void on_connection(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *data)
{
    xmpp_ctx_t *ctx = data;
    xmpp_stanza_t *s;

    (void)stream_error;
    if (event != XMPP_CONN_CONNECT) {
        if (error)
            fprintf(stderr, "error %d\n", error);
        xmpp_stop(ctx);
        return;
    }
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, NULL);
    xmpp_handler_add(conn, on_presence, NULL, "presence", NULL, NULL);
    s = xmpp_presence_new(ctx);
    xmpp_send(conn, s);
    xmpp_stanza_release(s);
    cpu = cpu_seconds();
    s = xmpp_message_new(ctx, "chat", "go@bench.example", "go");
    xmpp_message_set_body(s, job);
    xmpp_send(conn, s);
    xmpp_stanza_release(s);
}

/* Usage: client host port job */
int main(int argc, char **argv)
{
    xmpp_ctx_t *ctx;
    xmpp_conn_t *conn;

    if (argc != 4)
        return 2;
    job = argv[3];
    xmpp_initialize();
    ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_WARN));
    conn = xmpp_conn_new(ctx);
    xmpp_conn_set_jid(conn, "bench@bench.example");
    xmpp_conn_set_pass(conn, "secret");
    xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_DISABLE_TLS);
    if (xmpp_connect_client(conn, argv[1], (unsigned short)atoi(argv[2]), on_connection, ctx) != XMPP_EOK)
        return 1;
    xmpp_run(ctx);
    xmpp_conn_release(conn);
    xmpp_ctx_free(ctx);
    xmpp_shutdown();
    return 0;
}
