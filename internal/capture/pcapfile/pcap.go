package pcapfile

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/dbtap/dbtap/internal/capture"
)

// Sizes in a pcap file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
const (
	pcapHeaderSize = 24
	pcapRecordSize = 16
)

// maxPacket is the longest packet believed in a pcap file, in bytes: twice what Linux puts into one frame (BIG TCP,
// 512 KiB). A record's header has nothing else to tell it from noise, so the limit is tight.
const maxPacket = 1 << 20

// pcap splits the classic format.
type pcap struct {
	big   bool   // fields are big-endian
	unit  uint64 // ns in one unit of a record's fraction of a second
	head  int    // bytes before each packet
	link  capture.LinkType
	count uint64
}

// header reads the file's header, magic included, and says what is wrong with it.
func (f *pcap) header(b []byte) string {
	order := binary.ByteOrder(binary.LittleEndian)
	if f.big {
		order = binary.BigEndian
	}
	if major := order.Uint16(b[4:]); major != 2 {
		return fmt.Sprintf("pcap version %d.%d is not known; only 2.x is", major, order.Uint16(b[6:]))
	}
	f.link = capture.LinkType(order.Uint32(b[20:])) // the upper half tells of frame checksums
	return ""
}

func (f *pcap) split(b *capture.Batch, buf []byte, off int) (next, need int, damage string) {
	pkts := b.Packets
	for need = f.head; len(buf)-off >= f.head && len(pkts) < maxPackets; need = f.head {
		h := buf[off : off+pcapRecordSize]
		sec, frac := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		captured, length := binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
		if f.big {
			sec, frac = bits.ReverseBytes32(sec), bits.ReverseBytes32(frac)
			captured, length = bits.ReverseBytes32(captured), bits.ReverseBytes32(length)
		}
		if captured > maxPacket {
			damage = fmt.Sprintf("the packet's header tells of %d bytes, which no packet has (limit %d)", captured, maxPacket)
			break
		}
		need = f.head + int(captured)
		if len(buf)-off < need {
			break
		}
		f.count++
		pkts = append(pkts, capture.Packet{
			Data:   buf[off+f.head : off+need : off+need],
			Time:   int64(uint64(sec)*1e9 + uint64(frac)*f.unit),
			Number: f.count,
			Length: int(max(captured, length)),
			Link:   f.link,
		})
		off += need
	}
	b.Packets = pkts
	return off, need, damage
}

func (f *pcap) open() (bool, string) { return false, "a packet" }

func (f *pcap) packets() uint64 { return f.count }
