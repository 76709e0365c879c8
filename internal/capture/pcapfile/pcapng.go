package pcapfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/dbtap/dbtap/internal/capture"
)

// Block types: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html, section 4
const (
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
	blockSecrets   = 10
	blockSection   = 0x0a0d0d0a
)

// Limits on what a file can make the reader hold.
const (
	// maxBlock is the longest block that is read rather than skipped, in bytes: the largest packet, and as much for
	// options beside it. Several of them are in memory at once.
	maxBlock = 2 * maxPacket
	// maxInterfaces is how many interfaces one section may describe: more than a host has, fewer than a hostile
	// file could name.
	maxInterfaces = 1 << 16
	// maxNames is how many interface descriptions are kept for people to read, over all sections.
	maxNames = 1024
	// maxName is how many bytes of a name are kept: Linux has 15, Windows the 38 of a GUID behind a path.
	maxName = 256
	// maxSecretBytes is how many bytes of secrets are kept: some 22,000 lines of a TLS key log. Later ones are lost.
	maxSecretBytes = 4 << 20
	// maxSecrets is how many blocks of secrets are kept: an empty one takes memory too.
	maxSecrets = 4 << 10
)

// Interface is one interface that a pcapng file describes.
type Interface struct {
	Name string // "" if the file has none
	Link capture.LinkType
}

// Secret is the content of one Decryption Secrets Block, such as a TLS key log.
type Secret struct {
	Type uint32 // 0x544c534b is a TLS key log
	Data []byte // not to be changed
}

// Secrets returns what the blocks read so far carry, in the file's order. A block stands before the packets that
// need it.
func (r *Reader) Secrets() []Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.shared.secrets)
}

// Interfaces returns the descriptions read so far, of all sections of a pcapng file, in the file's order.
func (r *Reader) Interfaces() []Interface {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.shared.interfaces)
}

// pcapng splits the block format.
type pcapng struct {
	r      *Reader
	big    bool    // of the current section
	ifaces []iface // of the current section
	count  uint64
	last   int64 // time of the last packet, ns

	skip  uint64 // bytes still to come of a block that nobody reads, without the length at its end
	close uint32 // that length; 0 while no block is being skipped
}

// iface is what packets need of an interface: link type and clock.
type iface struct {
	link  capture.LinkType
	snap  uint32 // 0: no limit
	mul   uint64 // ns in one unit of the clock, where that is a whole number
	limit uint64 // the largest time that mul brings into an int64; 0 if there is no mul
	tsres uint8  // if_tsresol as it stands in the file
	shift int64  // ns to add to every time
}

func (f *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if f.big {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (f *pcapng) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if f.big {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (f *pcapng) packets() uint64 { return f.count }

func (f *pcapng) open() (bool, string) { return f.close != 0, "a block" }

func (f *pcapng) split(b *capture.Batch, buf []byte, off int) (next, need int, damage string) {
	for {
		if f.close != 0 {
			if off, damage = f.pass(buf, off); f.close != 0 {
				return off, 4, damage
			}
		}
		if len(buf)-off < 12 || len(b.Packets) == maxPackets {
			return off, 12, ""
		}
		kind := f.u32(buf[off:])
		if kind == blockSection {
			if damage = f.order(buf[off+8:]); damage != "" {
				return off, 0, damage
			}
		}
		total := f.u32(buf[off+4:])
		size := (uint64(total) + 3) &^ 3 // some writers count without the padding
		if total < 12 {
			return off, 0, fmt.Sprintf("a block tells of %d bytes; its frame alone has 12", total)
		}
		least := 0
		switch kind {
		case blockSection:
			least = 28
		case blockInterface:
			least = 20
		case blockPacket, blockEnhanced:
			least = 32
		case blockSimple:
			least = 16
		case blockSecrets:
			least = 20
			if size > maxBlock {
				least = 0
			}
		}
		if least == 0 {
			f.skip, f.close = size-4-8, total
			off += 8
			continue
		}
		if size < uint64(least) || size > maxBlock {
			return off, 0, fmt.Sprintf("a block of type %d tells of %d bytes (it has at least %d, and the limit is %d)", kind, total, least, maxBlock)
		}
		need = int(size)
		if len(buf)-off < need {
			return off, need, ""
		}
		if again := f.u32(buf[off+need-4:]); again != total {
			return off, 0, fmt.Sprintf("a block begins with length %d and ends with length %d", total, again)
		}
		body := buf[off+8 : off+need-4]
		switch kind {
		case blockEnhanced:
			damage = f.packet(b, body, f.u32(body))
		case blockPacket:
			damage = f.packet(b, body, uint32(f.u16(body)))
		case blockSimple:
			damage = f.simple(b, body)
		case blockSection:
			damage = f.section(body)
		case blockInterface:
			damage = f.describe(body)
		case blockSecrets:
			damage = f.secrets(body)
		}
		if damage != "" {
			return off, 0, damage
		}
		off += need
	}
}

// pass goes over a block that nobody reads, as far as it lies in buf.
func (f *pcapng) pass(buf []byte, off int) (next int, damage string) {
	n := min(f.skip, uint64(len(buf)-off))
	off += int(n)
	f.skip -= n
	if f.skip > 0 || len(buf)-off < 4 {
		return off, ""
	}
	if again := f.u32(buf[off:]); again != f.close {
		return off, fmt.Sprintf("a block begins with length %d and ends with length %d", f.close, again)
	}
	f.close = 0
	return off + 4, ""
}

// order finds a section's byte order.
func (f *pcapng) order(magic []byte) string {
	switch m := binary.LittleEndian.Uint32(magic); m {
	case 0x1a2b3c4d:
		f.big = false
	case 0x4d3c2b1a:
		f.big = true
	default:
		return fmt.Sprintf("a section begins with byte order %08x, which is none", m)
	}
	return ""
}

func (f *pcapng) section(body []byte) string {
	if major := f.u16(body[4:]); major != 1 {
		return fmt.Sprintf("a section has pcapng version %d.%d; only 1.x is known", major, f.u16(body[6:]))
	}
	f.ifaces = f.ifaces[:0]
	return ""
}

// packet reads an Enhanced Packet Block, or an obsolete Packet Block: they differ in their first four bytes.
func (f *pcapng) packet(b *capture.Batch, body []byte, id uint32) string {
	if uint64(id) >= uint64(len(f.ifaces)) {
		return fmt.Sprintf("a packet is of interface %d; only %d are described", id, len(f.ifaces))
	}
	i := &f.ifaces[id]
	captured, length := f.u32(body[12:]), f.u32(body[16:])
	if uint64(captured) > uint64(len(body)-20) {
		return fmt.Sprintf("a packet of %d bytes is in a block with room for %d", captured, len(body)-20)
	}
	at := uint64(f.u32(body[4:]))<<32 | uint64(f.u32(body[8:]))
	if at <= i.limit {
		f.last = int64(at * i.mul)
	} else {
		f.last = i.nanoseconds(at)
	}
	if i.shift != 0 {
		f.last = addSaturated(f.last, i.shift)
	}
	f.add(b, body[20:20+captured:20+captured], int(max(captured, length)), i.link)
	return ""
}

// simple reads a Simple Packet Block. It has no time: it gets that of the packet before it.
func (f *pcapng) simple(b *capture.Batch, body []byte) string {
	if len(f.ifaces) == 0 {
		return "a packet is of interface 0; none is described"
	}
	i := &f.ifaces[0]
	length := f.u32(body)
	captured := length
	if i.snap != 0 {
		captured = min(length, i.snap)
	}
	data := body[4:]
	if uint64(captured) > uint64(len(data)) {
		if i.snap != 0 {
			return fmt.Sprintf("a packet of %d bytes is in a block with room for %d", captured, len(data))
		}
		captured = uint32(len(data))
	}
	f.add(b, data[:captured:captured], int(length), i.link)
	return ""
}

func (f *pcapng) add(b *capture.Batch, data []byte, length int, link capture.LinkType) {
	f.count++
	b.Packets = append(b.Packets, capture.Packet{Data: data, Time: f.last, Number: f.count, Length: length, Link: link})
}

// describe reads an Interface Description Block.
func (f *pcapng) describe(body []byte) string {
	if len(f.ifaces) == maxInterfaces {
		return fmt.Sprintf("a section describes more than %d interfaces", maxInterfaces)
	}
	i := iface{link: capture.LinkType(f.u16(body)), snap: f.u32(body[4:]), tsres: 6}
	name := ""
	for opts := body[8:]; len(opts) >= 4; {
		code, n := f.u16(opts), int(f.u16(opts[2:]))
		if code == 0 { // opt_endofopt
			break
		}
		value := opts[4:]
		padded := (n + 3) &^ 3
		if padded > len(value) {
			return fmt.Sprintf("option %d of an interface has %d bytes where %d are left", code, n, len(value))
		}
		value, opts = value[:n], value[padded:]
		switch {
		case code == 2: // if_name
			name = string(value[:min(n, maxName)])
		case code == 9 && n == 1: // if_tsresol
			i.tsres = value[0]
		case code == 14 && n == 8: // if_tsoffset, seconds
			high, low := f.u32(value), f.u32(value[4:])
			if !f.big {
				high, low = low, high
			}
			i.shift = seconds(int64(uint64(high)<<32 | uint64(low)))
		case code == 9, code == 14:
			return fmt.Sprintf("option %d of an interface has %d bytes", code, n)
		}
	}
	if i.tsres <= 9 {
		i.mul = powersOf10[9-i.tsres]
		i.limit = math.MaxInt64 / i.mul
	}
	f.ifaces = append(f.ifaces, i)

	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	if s := &f.r.shared; len(s.interfaces) < maxNames {
		s.interfaces = append(s.interfaces, Interface{Name: name, Link: i.link})
	}
	return ""
}

// secrets reads a Decryption Secrets Block.
func (f *pcapng) secrets(body []byte) string {
	kind, n := f.u32(body), f.u32(body[4:])
	data := body[8:]
	if uint64(n) > uint64(len(data)) {
		return fmt.Sprintf("secrets of %d bytes are in a block with room for %d", n, len(data))
	}
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	if s := &f.r.shared; s.secretBytes+int(n) <= maxSecretBytes && len(s.secrets) < maxSecrets {
		s.secretBytes += int(n)
		s.secrets = append(s.secrets, Secret{Type: kind, Data: slices.Clone(data[:n])})
	}
	return ""
}

// nanoseconds converts a time of the interface's clock, for clocks that mul does not serve and for times beyond
// limit. What an int64 cannot hold becomes the largest one.
func (i *iface) nanoseconds(at uint64) int64 {
	var high, low uint64
	switch k := uint(i.tsres & 0x7f); {
	case i.tsres&0x80 != 0: // units of 2^-k seconds
		high, low = bits.Mul64(at, 1e9)
		if k >= 64 {
			high, low = 0, high>>(k-64)
		} else {
			high, low = high>>k, high<<(64-k)|low>>k
		}
	case k <= 9: // units of 10^-k seconds
		high, low = bits.Mul64(at, i.mul)
	case k-9 < uint(len(powersOf10)):
		low = at / powersOf10[k-9]
	}
	if high != 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// seconds converts to nanoseconds; what an int64 cannot hold becomes the nearest that it can.
func seconds(s int64) int64 {
	const most = math.MaxInt64 / 1_000_000_000
	switch {
	case s > most:
		return math.MaxInt64
	case s < -most:
		return math.MinInt64
	}
	return s * 1e9
}

func addSaturated(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// powersOf10[n] is 10^n, as far as a uint64 goes.
var powersOf10 = func() (p [20]uint64) {
	p[0] = 1
	for n := 1; n < len(p); n++ {
		p[n] = p[n-1] * 10
	}
	return p
}()
