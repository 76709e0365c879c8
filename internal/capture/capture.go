// Package capture knows packets as a capture source hands them over: bytes, a time, a link type. It does not
// look inside them; package packet does.
package capture

// Packet is one captured frame.
type Packet struct {
	Data   []byte   // the captured bytes, link header first; borrowed from the Batch
	Time   int64    // capture time, ns since the Unix epoch, UTC
	Number uint64   // place in its file or interface, from 1
	Length int      // bytes on the wire; more than len(Data) where the snap length cut the frame
	Link   LinkType // what Data begins with
}

// Batch carries packets from a Source to a reader. The reader owns the Batch and lends it to Read; the Source
// fills it again and again. Data of all Packets lies in Buf (or in other memory that stays untouched until the
// next Read of this Batch), so several batches can be in flight at once.
type Batch struct {
	Packets []Packet
	Buf     []byte
}

// Source yields packets in the order in which they were captured.
type Source interface {
	// Read replaces what b holds with the next packets: at least one when the error is nil. Packets are borrowed
	// until the next Read of the same Batch. At the end it returns io.EOF and no packets. Any other error is the
	// last too; packets that came before it were returned by earlier calls.
	Read(b *Batch) error
	Close() error
}
