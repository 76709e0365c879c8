#!/bin/bash
# record.sh NAME CLIENT... : inside a network namespace of its own, start the front with the flags in $FRONT, run the
# client against it and record what both say. The capture and the truth are left in $OUT under NAME.
set -euo pipefail
name=$1
shift
cd "$OUT"
pcap=$OUT/$name.pcap truth=$OUT/$name.truth.jsonl

fail() { echo "record: $name: $*" >&2; exit 1; }

# Loopback as a network would be: segments of at most 1448 bytes.
ip link set lo mtu 1500 up
ethtool -K lo tso off gso off gro off

rm -f "$pcap" "$truth" "$name.keys" "$name".*.log # or this run would believe what the last one said
mongofront -listen 127.0.0.1:27017 -truth "$truth" $FRONT </dev/null 2>"$name.front.log" &
front=$!
trap 'kill $front 2>/dev/null || true' EXIT
for i in {1..100}; do
	if grep -q '0100007F:6989 00000000:0000 0A' /proc/net/tcp; then break; fi # it listens on 27017
	kill -0 $front || fail "the front ended"
	sleep 0.05
done

# At most 60 MB and two minutes.
(ulimit -f 60000; exec timeout -s INT 120 tcpdump -i lo -s 0 -B 65536 -Z root -w "$pcap" 'tcp port 27017') 2>"$name.tcpdump.log" &
dump=$!
trap 'kill $front $dump 2>/dev/null || true' EXIT
until grep -qs 'listening on' "$name.tcpdump.log"; do
	kill -0 $dump || fail "tcpdump ended: $(cat "$name.tcpdump.log")"
	sleep 0.05
done
sleep 0.2

timeout 90 "$@" >"$name.client.log" 2>&1 || fail "the client failed: $(tail -n 5 "$name.client.log")"

# The kernel hands over a block of packets after up to a second. Stopped sooner, tcpdump loses the tail and does not know.
sleep 2.5
kill -INT $dump
wait $dump || true
kill -TERM $front
wait $front || fail "the front ended badly"
trap - EXIT
[ -s "$name.front.log" ] && sed "s/^/record: $name: /" "$name.front.log" >&2

# On loopback every packet is received twice and kept once; nothing may be dropped.
read -r captured received dropped < <(awk '/captured|received|dropped/ { printf "%s ", $1 } END { print "" }' "$name.tcpdump.log")
[ "$captured" -gt 0 ] && [ "$received" = $((2 * captured)) ] && [ "$dropped" = 0 ] ||
	fail "not whole: $captured captured, $received received, $dropped dropped"

# The front must have seen every byte that is in the capture, and the capture hold every byte the front saw. Under TLS only
# the connections can be counted.
if [ -e "$name.keys" ]; then
	wire=$(tcpdump -nqr "$pcap" 'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn' 2>/dev/null | wc -l)
	said=$(grep -o '^{"conn":[0-9]*' "$truth" | sort -u | wc -l)
else
	wire=$(tcpdump -nr "$pcap" 2>/dev/null | awk 'match($0, /seq [0-9]+:[0-9]+/) {
		split(substr($0, RSTART + 4, RLENGTH - 4), seq, ":") # from the start of the stream; some are sent twice
		if (seq[2] > end[$3 $5]) { n += seq[2] - (seq[1] > end[$3 $5] ? seq[1] : end[$3 $5]); end[$3 $5] = seq[2] }
	} END { print n + 0 }')
	said=$(grep -oE '"(bytes|replyBytes)":[0-9]+' "$truth" | awk -F: '{ n += $2 } END { print n + 0 }')
fi
[ "$wire" = "$said" ] && [ "$said" -gt 0 ] || fail "not whole: $wire on the wire, $said in the truth"
