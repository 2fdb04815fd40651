/* A client that verifies after the handshake, and goes on whatever is wrong with the certificate, as if somebody had
   clicked it away: only an error ends it. Prints what came of it. asks TRUSTED PORT */

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    unsigned int status = 0;
    int result, connection = socket(AF_INET, SOCK_STREAM, 0);

    (void)argc;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection, (struct sockaddr *)&server, sizeof server) != 0)
        return 2;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_x509_trust_file(credentials, argv[1], GNUTLS_X509_FMT_PEM);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, connection);
    do
        result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result == 0)
        result = gnutls_certificate_verify_peers2(session, &status);
    printf("%s, status %u\n", gnutls_strerror(result), status);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    return result != 0;
}
