package packet

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

const tcpHeader = 20 // without options

// tcp reads a header (RFC 9293, section 3.1) and the addresses of ip, the packet it came in. Options are not looked
// at, and need not be captured.
func tcp(s *Segment, f span, ip []byte) Result {
	b := f.b
	if len(b) < tcpHeader {
		return f.short(tcpHeader)
	}
	header := int(b[12]>>4) * 4
	if header < tcpHeader || header > f.wire {
		return Malformed
	}
	from, to := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	s.Seq = binary.BigEndian.Uint32(b[4:])
	s.Ack = binary.BigEndian.Uint32(b[8:])
	s.Flags = b[13]
	s.Window = binary.BigEndian.Uint16(b[14:])
	s.Payload = b[min(header, len(b)):len(b):len(b)]
	s.Missing = f.wire - header - len(s.Payload)
	if ip[0]>>4 == 4 {
		src, dst := [4]byte(ip[12:]), [4]byte(ip[16:])
		s.Src = netip.AddrPortFrom(netip.AddrFrom4(src), from)
		s.Dst = netip.AddrPortFrom(netip.AddrFrom4(dst), to)
		a := uint64(binary.BigEndian.Uint32(src[:]))<<16 | uint64(from)
		b := uint64(binary.BigEndian.Uint32(dst[:]))<<16 | uint64(to)
		s.Hash = both(fold(a^keys[0], keys[1]), fold(b^keys[0], keys[1]))
		s.Shard = shard(a, b)
		return TCP
	}
	s.Src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(ip[8:])), from)
	s.Dst = netip.AddrPortFrom(netip.AddrFrom16([16]byte(ip[24:])), to)
	aHigh, aLow := binary.BigEndian.Uint64(ip[8:]), binary.BigEndian.Uint64(ip[16:])
	bHigh, bLow := binary.BigEndian.Uint64(ip[24:]), binary.BigEndian.Uint64(ip[32:])
	s.Hash = both(
		fold(fold(aHigh^keys[0], aLow^keys[2])^uint64(from), keys[1]),
		fold(fold(bHigh^keys[0], bLow^keys[2])^uint64(to), keys[1]))
	s.Shard = shard(fold(aHigh^odd1, aLow^odd2)+uint64(from), fold(bHigh^odd1, bLow^odd2)+uint64(to))
	return TCP
}

// keys are secret, so that nobody can choose addresses and ports whose hashes collide.
var keys = [5]uint64{rand.Uint64(), rand.Uint64() | 1, rand.Uint64(), rand.Uint64(), rand.Uint64()}

// fold multiplies and adds the halves without carry: every bit of the product takes part.
func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// both combines the hashes of the two ends, the same in either order.
func both(a, b uint64) uint64 {
	return fold((a+b)^keys[3], (a^b)^keys[4])
}

// Odd numbers without a pattern, for shards, which must be the same in every process.
const (
	odd1 = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	odd2 = 0xd1b54a32d192ed03 // 2^64 divided by the plastic number
)

func shard(a, b uint64) uint32 {
	h := fold((a+b)^odd2, odd1) ^ (a^b)*odd2
	return uint32(h>>32) ^ uint32(h)
}
