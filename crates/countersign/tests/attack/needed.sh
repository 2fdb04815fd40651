# What the attack does to the network. `./check` tries it as well, to say when the attack is not played.
mount -t tmpfs tmpfs /run
ip netns add one
ip link add two type veth peer name eth0 netns one
ip link add three type bridge
nft 'table ip four { chain five { type nat hook prerouting priority dstnat; tcp dport 80 redirect to :8080; }; }'
