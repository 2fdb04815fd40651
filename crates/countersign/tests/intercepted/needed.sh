# What the interception does to the network, beside what the attack does.
ip rule add fwmark 1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
nft 'table ip tap { chain divert { type filter hook prerouting priority mangle; meta l4proto tcp socket transparent 1 meta mark set 1 accept; tcp dport 5222 tproxy to :15222 meta mark set 1 accept; }; }'
