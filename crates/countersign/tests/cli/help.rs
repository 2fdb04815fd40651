//! What `--help` says, which is also what the manual pages say.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn help_says_what_there_is() {
    assert_snapshot!(Place::new().outcome("--help"), @"
    Watches Certificate Transparency for certificates that nobody here asked for

    Countersign follows every public log, proves what each says, and tells of each certificate that
    names a guarded service and was not expected. Start with `countersign init NAME` and `countersign
    watch`.

    Results go to standard output, events to standard error. The exit status is 0 if all is as expected,
    1 if there are findings, 2 if it could not look; 2 is never reported as 0.

    Usage: countersign [OPTIONS] <COMMAND>

    Commands:
      init            Write a configuration file that guards these names
      watch           Follow every log, judge each certificate that names a guarded service, and tell
      authorize       Say ahead that certificates for a key are ours
      authorizations  List what is authorized, or revoke it
      statement       Say on another host, in signed statements, which keys are ours
      incidents       List the certificates that nobody asked for, and those that are pending
      show            Show what happened in an incident, why it is one, and what to do now
      acknowledge     Note that somebody looks after an incident
      evidence        Write all that shows an incident to others into one file, or verify such a file
      replay          Judge again all that was seen, and say what would come out otherwise
      sinks           Show where reports go and how far they came, or test it
      status          Show for each log how far it has been read and proved
      sightings       List the certificates seen that name a guarded service, expected or not
      troubles        List what went wrong with logs: what we could not do, and what they did
      log-list        Show the logs that the lists name, and which are followed; or make a list for
                      clients
      delegations     Show what is expected of each watched zone, and what its servers and those of its
                      parent show
      dnssec          Check the DNSSEC of a zone
      caa             Say in CAA records who may issue for a name
      sct             Look at the SCTs of a certificate
      probe           Look at a service as its clients do, and say who answers
      probes          Show how well each probed service is covered: by whom, from where, and what share
                      could be intercepted unseen
      enforce         Start a program that then demands SCTs, though it was not written to
                      (docs/sct-preload.md)
      gate            For CAs: decide by CAA before a certificate is issued, and keep each decision with
                      its proof
      lab             Play attacks and quiet days on a small Internet of our own, and show what is
                      caught
      config          Check or show the configuration
      conformance     Judge test cases of others, one JSON object a line
      completions     Print completions for a shell
      man             Print the manual page, or write the pages of all commands
      help            Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Global options:
          --config <FILE>
              Read this configuration file

              Without it the first of ./countersign.toml, $XDG_CONFIG_HOME/countersign/countersign.toml
              (~/.config if that is not set) and /etc/countersign/countersign.toml is read.

          --state-dir <DIR>
              Keep what was seen in this directory, whatever the configuration says

          --json
              Print one JSON object a line (docs/json.md)

          --color <WHEN>
              Colour what is printed: on a terminal unless NO_COLOR is set (auto), or not

              [default: auto]
              [possible values: auto, always, never]

          --log-format <FORMAT>
              Write events on standard error as lines for people, or as one JSON object a line

              [default: text]
              [possible values: text, json]

      -v, --verbose...
              Say more on standard error: once for events useful in a search, twice for all

              The environment variable RUST_LOG, if set, decides alone.

      -q, --quiet
              Say only errors on standard error, and show no progress
    exit 0
    ");
}

#[test]
fn each_command_has_its_help() {
    let help = |command: &str| {
        let help = Place::new().outcome(&format!("{command} --help"));
        // The global options are the same for all.
        help.split("Global options:").next().unwrap().trim_end().to_owned()
    };
    assert_snapshot!(help("init"), @r"
    Write a configuration file that guards these names

    Usage: countersign init [OPTIONS] <NAME>...

    Arguments:
      <NAME>...
              A name to guard with all below it, or an address

    Options:
          --contact <CONTACT>
              Whom operators of logs may write to: an e-mail address or an https URL

          --out <FILE>
              Write to this file

              [default: countersign.toml]

          --force
              Replace the file if it is there already

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("watch"), @"
    Follow every log, judge each certificate that names a guarded service, and tell

    Goes on until it is stopped. With --once it exits with 1 if it reported an incident or misbehaviour,
    with 2 if it could not look at all of it.

    Usage: countersign watch [OPTIONS]

    Options:
          --once
              Read every log to its newest head, then end

          --since <TIME>
              Read what was logged from this point on, whatever the configuration says: 2026-11-01,
              2026-11-01T12:00:00Z, or how long ago (7d)

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("lab"), @r"
    Play attacks and quiet days on a small Internet of our own, and show what is caught

    Needs no network, no root and no configuration. Exits with 0 only if every scene ended as it must.

    Usage: countersign lab [OPTIONS] [SCENE]...

    Arguments:
      [SCENE]...
              Play these scenes; all without a name

    Options:
          --list
              Name the scenes

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("status"), @"
    Show for each log how far it has been read and proved

    A row says how many entries were searched and how many of them are proved to be in the log, how far
    that is behind the log in entries and time, and the exposure: what the log promised to take longer
    ago than this, since guarding began, has been seen.

    Exits with 1 if a log misbehaved or an incident is open, and nobody has acknowledged it, with 2 if
    some log was not verified for longer than `stale-after`, or never, if a sink fails, or if there is
    an open trouble that is about no single log.

    Usage: countersign status [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("sightings"), @"
    List the certificates seen that name a guarded service, expected or not

    Exits with 1 if there are any.

    Usage: countersign sightings [OPTIONS]

    Options:
          --guard <NAME>
              Only certificates that match this guard, written as in the configuration

          --since <TIME>
              Only what was seen since then: 2026-11-01, 2026-11-01T12:00:00Z, or how long ago (7d)

          --limit <N>
              List at most this many, the newest ones

              [default: 100]

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("troubles"), @r"
    List what went wrong with logs: what we could not do, and what they did

    Exits with 1 if something keeps us from seeing, or if there is proof that a log broke its rules and
    nobody has acknowledged it.

    Usage: countersign troubles [OPTIONS]
           countersign troubles <COMMAND>

    Commands:
      acknowledge  Note that somebody knows of a trouble
      help         Print this message or the help of the given subcommand(s)

    Options:
          --all
              Also those that are over

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("troubles acknowledge"), @r"
    Note that somebody knows of a trouble

    What a log did (nature `proof`) then no longer makes `troubles` and `status` exit with 1, until it
    does it again. What keeps us from seeing (nature `condition`) counts until it is over, acknowledged
    or not.

    Usage: countersign troubles acknowledge [OPTIONS] <ID>

    Arguments:
      <ID>
              The number of the trouble

    Options:
          --note <TEXT>
              What is known of it, for whoever looks next

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("log-list"), @r"
    Show the logs that the lists name, and which are followed; or make a list for clients

    Usage: countersign log-list [OPTIONS] <COMMAND>

    Commands:
      show     Show the union of the configured lists as they are now: its logs, and which are followed
      diff     Show what changed from the lists that were last followed to the lists as they are now
      build    Make a list for clients out of the lists of root programmes and others (docs/log-list.md)
      keygen   Make a key that signs lists, or the heads of a log
      keys     Make the first set of keys, or the one that comes after another
      sign     Add a signature to a list, or to a set of keys
      verify   Say who signed a list, what is in it, and how old it is
      publish  Publish a signed list in a folder: append it to the folder's log, and write the proof
               beside it
      serve    Serve such a folder over HTTP, until it is stopped
      update   Get the newest list, if it is newer and signed, and put it in the place of the one that
               there is
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("log-list show"), @r"
    Show the union of the configured lists as they are now: its logs, and which are followed

    A log is followed if some list has it as qualified, usable or read-only, or for monitoring only,
    until all certificates that it takes have expired. Of the others it is said why they are not.

    Usage: countersign log-list show [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("log-list diff"), @r"
    Show what changed from the lists that were last followed to the lists as they are now

    Usage: countersign log-list diff [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("config"), @r"
    Check or show the configuration

    Usage: countersign config [OPTIONS] <COMMAND>

    Commands:
      check  Say `ok`, or the first thing that is wrong
      show   Print all that is in force, defaults included, as a configuration file
      help   Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("config check"), @r"
    Say `ok`, or the first thing that is wrong

    Usage: countersign config check [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("config show"), @r"
    Print all that is in force, defaults included, as a configuration file

    Usage: countersign config show [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("caa"), @"
    Say in CAA records who may issue for a name

    Usage: countersign caa [OPTIONS] <COMMAND>

    Commands:
      plan         Plan the records that let only your own ACME accounts order certificates for a name
      lint         Say what the CAA records of a name, or of a zone file, leave open to whom, and what
                   to do about it
      explain      Say whether a CA may issue for a name, to an account, by a method, and which records
                   at which name decide that
      import       Read the CCADB's list of the names that CAs recognize in CAA records
      authorities  List the CAs that are known: their names in CAA records, and whether they heed
                   accounts
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("caa plan"), @"
    Plan the records that let only your own ACME accounts order certificates for a name

    Reads the accounts of certbot, Caddy, acme.sh, lego and dehydrated on disk, and says of each record
    what it stops, what it leaves open, and whether its CA is known to heed it. Asks nobody, and changes
    nothing.

    Exits with 1 if something that is used now would no longer be renewed, with 2 if there is no plan or
    not everything could be read.

    Usage: countersign caa plan [OPTIONS] <NAME>

    Arguments:
      <NAME>
              For which name, and all below it that has no records of its own

    Options:
          --accounts <DIR>
              Look for accounts in this directory of an ACME client, such as /etc/letsencrypt, and not
              in those of the configuration

          --account <URL>
              Let in this account too: its URL, as the ACME client shows it

          --method <METHOD>
              Permit only this way of validation: http-01, dns-01, tls-alpn-01, dns-account-01 or
              dns-persist-01

              With dns-01 alone, diverted traffic proves nothing to a CA. Your client must then answer
              in the DNS.

          --wildcard
              Let the accounts have certificates with wildcards; nobody can without this

          --iodef <URL>
              Where CAs may report what they refused: mailto:SOMEBODY@HOST or an https:// URL

          --ttl <SECONDS>
              How long resolvers may keep the records, in seconds

              [default: 3600]

          --issuer <HOST=NAME>
              The CA with the ACME server at this host is called so in CAA records

          --leave-out <HOST>
              Give the accounts at the ACME server at this host no record

          --format <FORMAT>
              Print only the records, for this: zone, unknown, nsupdate, cloudflare, route53, desec,
              powerdns or hetzner

          --zone <NAME>
              The zone that the name is in, if it is not one itself

          --authorities <FILE>
              Read what `caa import` wrote from this file

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("caa import"), @"
    Read the CCADB's list of the names that CAs recognize in CAA records

    It is AllCAAIdentifiersReportCSVV2 on the CCADB's page of resources. What is kept of it adds to the
    table of CAs that is built in, for the commands after this one.

    Usage: countersign caa import [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The report, CSV

    Options:
          --out <FILE>
              Write to this file, and not into the state directory

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("caa authorities"), @"
    List the CAs that are known: their names in CAA records, and whether they heed accounts

    Usage: countersign caa authorities [OPTIONS]

    Options:
          --authorities <FILE>
              Read what `caa import` wrote from this file

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("conformance"), @"
    Judge test cases of others, one JSON object a line

    Usage: countersign conformance [OPTIONS] <COMMAND>

    Commands:
      x509    Read the names out of certificates, and match them
      sct     Judge the SCTs that certificates carry
      caa     Judge cases about CAA: values, sets of records, climbs, standing permissions, counts of
              perspectives
      dnssec  Judge recorded resolutions: validate what is asked in them, as of their time
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("conformance x509"), @r"
    Read the names out of certificates, and match them

    Prints for each record: record, clean, names, spki_sha256, issuer_key_sha256, matches.

    Usage: countersign conformance x509 [OPTIONS] <FILE>

    Arguments:
      <FILE>
              Records of kind (u8: 0 certificate, 1 TBSCertificate), name (u16 length and bytes) and DER
              (u32 length and bytes), lengths big-endian

    Options:
          --watch <NAME>
              A name to look for, written as in the configuration's `guard`

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("evidence"), @"
    Write all that shows an incident to others into one file, or verify such a file

    The file is a tar archive of public formats. README.html in it says what happened, and how to verify
    it with openssl, sha256sum and python3 alone.

    Usage: countersign evidence [OPTIONS] --out <FILE> <ID>
           countersign evidence <COMMAND>

    Commands:
      verify  Verify a pack, with no network, configuration or state, and unpacking nothing
      help    Print this message or the help of the given subcommand(s)

    Arguments:
      <ID>
              The number of the incident

    Options:
          --out <FILE>
              Write to this file, a tar archive; it must not be there yet

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("evidence verify"), @"
    Verify a pack, with no network, configuration or state, and unpacking nothing

    Exits with 1 if something in it is not so, with 2 if all else is so but something could not be told.

    Usage: countersign evidence verify [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The pack

    Options:
          --log-list <FILE>
              A list of logs (JSON, version 3): whether the logs of the pack are logs that anybody
              trusts

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("conformance sct"), @r"
    Judge the SCTs that certificates carry

    Prints for each certificate: sha256, scts (status, log, log_id, timestamp_ms).

    Usage: countersign conformance sct [OPTIONS] <CERTS> <ISSUERS> <LOGLIST>

    Arguments:
      <CERTS>
              The certificates: one JSON object a line with sha256, issuer_sha256 and der (base64)

      <ISSUERS>
              Their issuers: one JSON object a line with sha256 and der (base64)

      <LOGLIST>
              The list of logs (JSON, version 3)

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("conformance dnssec"), @"
    Judge recorded resolutions: validate what is asked in them, as of their time

    Prints for each answer that a file checks: file, step, expected, got, reason, ok. The format is that
    of Unbound's testbound and of deckard; trust anchors and the time are those of the file.

    Usage: countersign conformance dnssec [OPTIONS] <FILE>...

    Arguments:
      <FILE>...
              The files

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("completions"), @r"
    Print completions for a shell

    For bash: countersign completions bash > ~/.local/share/bash-completion/completions/countersign

    Usage: countersign completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>
              The shell that is to complete

              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("man"), @r"
    Print the manual page, or write the pages of all commands

    Usage: countersign man [OPTIONS]

    Options:
          --out <DIR>
              Write a page for each command into this directory

      -h, --help
              Print help (see a summary with '-h')
    ");
}
