/* Connects to a TLS server by OpenSSL, and does not go on if the certificate is in no log.
 *
 *   openssl_client ADDRESS PORT NAME TRUSTED.pem [stock]
 *
 * With `stock` it is the client that it was before: the two lines that set the veto are left out. Exit status: 0
 * connected, 1 not. settings.h has the settings. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "openssl_veto.h"
#include "settings.h"

static int connect_to(const char *address, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int fd;

    if (getaddrinfo(address, port, &hints, &found))
        return -1;
    fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* Whether the handshake was done, and the server is who it has to be. */
static int shake_hands(SSL *ssl, int fd, const char *name)
{
    return SSL_set_fd(ssl, fd) && SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name) &&
           SSL_connect(ssl) == 1;
}

int main(int argc, char **argv)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct countersign_sct_enforcer *enforcer = NULL;
    SSL *ssl = NULL;
    int fd = -1, is_stock, connected;

    if (argc < 5 || !context || !SSL_CTX_load_verify_locations(context, argv[4], NULL)) {
        fprintf(stderr, "openssl_client ADDRESS PORT NAME TRUSTED.pem [stock]\n");
        SSL_CTX_free(context);
        return 2;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    is_stock = argc > 5 && !strcmp(argv[5], "stock");
    if (!is_stock) {
        enforcer = settings_enforcer();
        SSL_CTX_set_cert_verify_callback(context, openssl_veto, enforcer);
    }
    ssl = SSL_new(context);
    fd = connect_to(argv[1], argv[2]);
    connected = ssl && fd >= 0 && shake_hands(ssl, fd, argv[3]);
    if (connected)
        printf("connected by %s\n", SSL_get_version(ssl));
    else
        printf("not connected: %s\n", ssl ? X509_verify_cert_error_string(SSL_get_verify_result(ssl)) : "no memory");
    if (connected)
        SSL_shutdown(ssl);
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    SSL_CTX_free(context);
    if (enforcer)
        settings_save(enforcer);
    countersign_sct_enforcer_free(enforcer);
    return connected ? 0 : 1;
}
