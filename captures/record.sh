#!/bin/bash
# record.sh NAME CLIENT... : inside a network namespace of its own, start what $FRONT says, run the client against it and
# record what both say on $PORT. The capture is left in $OUT under NAME.
set -euo pipefail
name=$1
shift
cd "$OUT"
pcap=$OUT/$name.pcap

fail() { echo "record: $name: $*" >&2; exit 1; }

# Loopback as a network would be: segments of at most 1448 bytes, if $MTU says nothing else.
ip link set lo mtu "${MTU:-1500}" up
ethtool -K lo tso off gso off gro off

$FRONT </dev/null 2>"$name.front.log" &
front=$!
trap 'kill $front 2>/dev/null || true' EXIT
listening=$(printf '0100007F:%04X 00000000:0000 0A' "$PORT")
for i in {1..400}; do
	if grep -q "$listening" /proc/net/tcp; then break; fi
	kill -0 $front || fail "the front ended: $(tail -n 5 "$name.front.log")"
	sleep 0.05
done

# At most 60 MB and two minutes.
(ulimit -f 60000; exec timeout -s INT 120 tcpdump -i lo -s 0 -B 65536 -Z root -w "$pcap" "tcp port $PORT") 2>"$name.tcpdump.log" &
dump=$!
trap 'kill $front $dump 2>/dev/null || true' EXIT
until grep -qs 'listening on' "$name.tcpdump.log"; do
	kill -0 $dump || fail "tcpdump ended: $(cat "$name.tcpdump.log")"
	sleep 0.05
done
sleep 0.2

timeout 90 bash -c '"$@"' - "$@" >"$name.client.log" 2>&1 || fail "the client failed: $(head -n 12 "$name.client.log")"

# The kernel hands over a block of packets after up to a second. Stopped sooner, tcpdump loses the tail and does not know.
sleep 2.5
kill -INT $dump
wait $dump || true
kill -TERM $front
wait $front || fail "the front ended badly: $(tail -n 5 "$name.front.log")"
trap - EXIT
[ -s "$name.front.log" ] && sed "s/^/record: $name: /" "$name.front.log" >&2

# On loopback every packet is received twice and kept once; nothing may be dropped.
read -r captured received dropped < <(awk '/captured|received|dropped/ { printf "%s ", $1 } END { print "" }' "$name.tcpdump.log")
[ "$captured" -gt 0 ] && [ "$received" = $((2 * captured)) ] && [ "$dropped" = 0 ] ||
	fail "not whole: $captured captured, $received received, $dropped dropped"
