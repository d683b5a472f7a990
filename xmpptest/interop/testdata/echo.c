/* Logs in, greets a peer and answers each of its messages, until one says quit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

static const char *peer;

static void say(xmpp_conn_t *conn, const char *to, const char *text)
{
    xmpp_stanza_t *m = xmpp_message_new(xmpp_conn_get_context(conn), "chat", to, NULL);
    xmpp_message_set_body(m, text);
    xmpp_send(conn, m);
    xmpp_stanza_release(m);
}

static int on_message(xmpp_conn_t *conn, xmpp_stanza_t *m, void *data)
{
    const char *type = xmpp_stanza_get_type(m);
    char *body = xmpp_message_get_body(m), *answer;

    if (body == NULL || (type != NULL && strcmp(type, "error") == 0))
        return 1;
    if (strcmp(body, "quit") == 0) {
        xmpp_disconnect(conn);
    } else {
        answer = malloc(strlen(body) + sizeof "echo: ");
        strcat(strcpy(answer, "echo: "), body);
        say(conn, xmpp_stanza_get_from(m), answer);
        free(answer);
    }
    xmpp_free(xmpp_conn_get_context(conn), body);
    return 1;
}

static void on_event(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error, void *data)
{
    xmpp_stanza_t *presence;

    if (event != XMPP_CONN_CONNECT) {
        if (error != 0 || stream_error != NULL)
            fprintf(stderr, "disconnected: error %d, stream error %d\n", error, stream_error ? (int)stream_error->type : -1);
        xmpp_stop(xmpp_conn_get_context(conn));
        return;
    }
    if (!xmpp_conn_is_secured(conn)) {
        fprintf(stderr, "no TLS\n");
        exit(1);
    }
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, NULL);
    presence = xmpp_presence_new(xmpp_conn_get_context(conn));
    xmpp_send(conn, presence);
    xmpp_stanza_release(presence);
    say(conn, peer, "hello from libstrophe");
}

int main(int argc, char **argv)
{
    xmpp_ctx_t *ctx;
    xmpp_conn_t *conn;

    if (argc != 7)
        return 2;
    peer = argv[6];
    signal(SIGPIPE, SIG_IGN); /* the server may hang up first */
    xmpp_initialize();
    ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_WARN));
    conn = xmpp_conn_new(ctx);
    xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS);
    xmpp_conn_set_cafile(conn, argv[5]);
    xmpp_conn_set_jid(conn, argv[1]);
    xmpp_conn_set_pass(conn, argv[2]);
    if (xmpp_connect_client(conn, argv[3], (unsigned short)atoi(argv[4]), on_event, NULL) != XMPP_EOK)
        return 1;
    xmpp_run(ctx);
    xmpp_conn_release(conn);
    xmpp_ctx_free(ctx);
    xmpp_shutdown();
    return 0;
}
