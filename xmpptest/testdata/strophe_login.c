/* Logs in with libstrophe, sends a message to juliet and waits for her answer. */

#include <stdio.h>
#include <stdlib.h>
#include <strophe.h>

static int on_message(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
    char *body = xmpp_message_get_body(stanza);

    (void)data;
    if (body) {
        puts(body);
        xmpp_free(xmpp_conn_get_context(conn), body);
        xmpp_disconnect(conn);
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
    if (!xmpp_conn_is_secured(conn))
        fputs("no TLS\n", stderr);
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, NULL);
    s = xmpp_presence_new(ctx);
    xmpp_send(conn, s);
    xmpp_stanza_release(s);
    s = xmpp_message_new(ctx, "chat", "juliet@localhost", "m1");
    xmpp_message_set_body(s, "from libstrophe");
    xmpp_send(conn, s);
    xmpp_stanza_release(s);
}

int main(int argc, char **argv)
{
    xmpp_ctx_t *ctx;
    xmpp_conn_t *conn;

    if (argc != 5)
        return 2;
    xmpp_initialize();
    ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_WARN));
    conn = xmpp_conn_new(ctx);
    xmpp_conn_set_jid(conn, argv[1]);
    xmpp_conn_set_pass(conn, argv[2]);
    xmpp_conn_set_cafile(conn, argv[4]);
    xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS);
    if (xmpp_connect_client(conn, "127.0.0.1", (unsigned short)atoi(argv[3]), on_connection, ctx) != XMPP_EOK)
        return 1;
    xmpp_run(ctx);
    xmpp_conn_release(conn);
    xmpp_ctx_free(ctx);
    xmpp_shutdown();
    return 0;
}
