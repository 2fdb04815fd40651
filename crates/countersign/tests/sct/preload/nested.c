/* A client that, while GnuTLS verifies a server that it does not trust, is asked for the missing issuer, and connects to
   another server for that. What counts is whether that one passed. nested TRUSTED PORT OTHER_PORT */

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *trusted;
static int inner = 2, port, other_port;

static int issuer(gnutls_x509_trust_list_t list, const gnutls_x509_crt_t certificate, gnutls_x509_crt_t **issuers,
                  unsigned int *count);

/* 0 if the server passed. `trust` is what to trust, or null: then the other server, and its issuer is asked for. */
static int verify(const char *trust)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_trust_list_t list;
    gnutls_session_t session;
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(trust ? port : other_port) };
    unsigned int status = 0;
    int result, connection = socket(AF_INET, SOCK_STREAM, 0);

    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection, (struct sockaddr *)&server, sizeof server) != 0)
        return 2;
    gnutls_certificate_allocate_credentials(&credentials);
    if (trust)
        gnutls_certificate_set_x509_trust_file(credentials, trust, GNUTLS_X509_FMT_PEM);
    else {
        gnutls_certificate_get_trust_list(credentials, &list);
        gnutls_x509_trust_list_set_getissuer_function(list, issuer);
    }
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, connection);
    do
        result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result == 0)
        result = gnutls_certificate_verify_peers2(session, &status);
    printf("%s: %s, status %u\n", trust ? "inner" : "outer", gnutls_strerror(result), status);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(connection);
    return result != 0 || status != 0;
}

static int issuer(gnutls_x509_trust_list_t list, const gnutls_x509_crt_t certificate, gnutls_x509_crt_t **issuers,
                  unsigned int *count)
{
    (void)list, (void)certificate, (void)issuers, (void)count;
    inner = verify(trusted);
    return -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    trusted = argv[1];
    port = atoi(argv[2]);
    other_port = atoi(argv[3]);
    verify(NULL);
    return inner;
}
