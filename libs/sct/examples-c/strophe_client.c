/* Logs in to an XMPP server by libstrophe, and does not if the server's certificate is in no log.
 *
 *   strophe_client JID PASSWORD ADDRESS PORT TRUSTED.pem [stock]
 *
 * libstrophe (0.12) asks its certfail handler about a certificate only if verification failed, gives it one
 * certificate without its issuer, and lets nobody at its SSL_CTX. So the veto is put a layer below: into every SSL_CTX of
 * the process. What it refuses is then a failed verification, and libstrophe asks the handler about it as about any
 * other. That needs a libstrophe that uses OpenSSL; docs/sct-c.md says what to do with others.
 *
 * Exit status: 0 logged in, 1 not. settings.h has the settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <strophe.h>

#include "openssl_veto.h"
#include "settings.h"

static int logged_in;

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error, xmpp_stream_error_t *why,
                          void *userdata)
{
    (void)error, (void)why;
    if (event == XMPP_CONN_CONNECT) {
        logged_in = xmpp_conn_is_secured(connection);
        xmpp_disconnect(connection);
    } else {
        xmpp_stop(userdata);
    }
}

/* Here a program with a user can ask: 1 would go on. Whoever cannot tell the user what it means says no. */
static int on_bad_certificate(const xmpp_tlscert_t *certificate, const char *const why)
{
    printf("%s: %s\n", xmpp_tlscert_get_string(certificate, XMPP_CERT_SUBJECT), why);
    return 0;
}

static int log_in(char **argv)
{
    xmpp_ctx_t *context = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_ERROR));
    xmpp_conn_t *connection = xmpp_conn_new(context);

    /* Without it, whoever is in the middle says that the server knows no TLS. */
    xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_MANDATORY_TLS);
    xmpp_conn_set_cafile(connection, argv[5]);
    xmpp_conn_set_certfail_handler(connection, on_bad_certificate);
    xmpp_conn_set_jid(connection, argv[1]);
    xmpp_conn_set_pass(connection, argv[2]);
    if (xmpp_connect_client(connection, argv[3], (unsigned short)atoi(argv[4]), on_connection, context) == XMPP_EOK)
        xmpp_run(context);
    xmpp_conn_release(connection);
    xmpp_ctx_free(context);
    return logged_in;
}

int main(int argc, char **argv)
{
    struct countersign_sct_enforcer *enforcer = NULL;

    if (argc < 6) {
        fprintf(stderr, "strophe_client JID PASSWORD ADDRESS PORT TRUSTED.pem [stock]\n");
        return 2;
    }
    if (argc == 6) {
        enforcer = settings_enforcer();
        if (!enforcer || !openssl_veto_everywhere(enforcer)) {
            fprintf(stderr, "countersign: no veto, so no connection\n");
            countersign_sct_enforcer_free(enforcer);
            return 1;
        }
    }
    xmpp_initialize();
    printf(log_in(argv) ? "logged in\n" : "not logged in\n");
    xmpp_shutdown();
    if (enforcer)
        settings_save(enforcer);
    countersign_sct_enforcer_free(enforcer);
    return logged_in ? 0 : 1;
}
