# The first process of a cage, in its namespaces. It starts in the folder that is shared with whoever made the cage; its
# arguments are how many seconds it may take, and what to run.
set -eu
seconds=$1
shift

# What others listen on (the session bus, the system's resolver) is in /run and /tmp, and leads out.
mount -t tmpfs -o nosuid,nodev,mode=755 cage /run
mkdir /run/cage /run/home
mount -c --bind . /run/cage # `.`, and no path: what the paths in /run and /tmp led to is covered now
mount -t tmpfs -o nosuid,nodev,mode=1777 cage /tmp
cd /run/home
unset OLDPWD # where the folder is outside

# Names are looked up here, and nowhere else. Some systems have links into /run instead of these files.
for name in hosts nsswitch.conf resolv.conf; do
    place=$(readlink -f "/etc/$name")
    if [ ! -e "$place" ]; then
        mkdir -p "${place%/*}"
        : > "$place"
    fi
    mount --bind "/run/cage/etc/$name" "$place"
done

ip link set lo up
# GLib, and whoever else asks for AI_ADDRCONFIG, looks no name up where there is no address but 127.0.0.1.
ip address add 192.0.2.1/32 dev lo

# The first process must not be the client, which may not care for orphans: when this one returns, all ends. That is when
# the client ends, or its time is over, or when whoever made the cage is gone and standard input with them.
exec 3<&0
timeout --signal=KILL "$seconds" "$@" <&3 &
client=$!
{
    cat > /dev/null
    kill -KILL "$client"
} <&3 &
wait "$client"
