/* Shows a name as the veto shows it. */
#include "openssl_veto.c"

int main(int argc, char **argv)
{
    char name[NAME_BYTES_MAX];

    return argc < 2 || puts(plain(argv[1], name, sizeof name)) < 0;
}
