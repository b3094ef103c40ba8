package proxytest

import (
	"encoding/binary"
	"hash/crc32"
)

// eventStream is the Content-Type of AWS event streams.
const eventStream = "application/vnd.amazon.eventstream"

// A frame is, all numbers big-endian: its whole length and that of its headers (4 bytes each), the CRC-32 of these
// eight bytes, the headers, the payload, and the CRC-32 of all before it. Source: smithy.io's specification of
// application/vnd.amazon.eventstream, 2026-11.

// frame is one event of a stream.
func frame(event string, payload any) []byte {
	return message(marshal(payload), ":event-type", event, ":content-type", "application/json", ":message-type", "event")
}

// exception is the frame that ends a stream with an error.
func exception(kind string, payload any) []byte {
	return message(marshal(payload), ":exception-type", kind, ":content-type", "application/json", ":message-type", "exception")
}

// frameString is the type of a header whose value is a string.
const frameString = 7

// message is a frame of any kind; headers are names and values in turn.
func message(payload []byte, headers ...string) []byte {
	var h []byte
	for i := 0; i < len(headers); i += 2 {
		name, value := headers[i], headers[i+1]
		h = append(h, byte(len(name)))
		h = append(h, name...)
		h = append(h, frameString)
		h = binary.BigEndian.AppendUint16(h, uint16(len(value)))
		h = append(h, value...)
	}
	f := binary.BigEndian.AppendUint32(nil, uint32(8+4+len(h)+len(payload)+4))
	f = binary.BigEndian.AppendUint32(f, uint32(len(h)))
	f = binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
	f = append(append(f, h...), payload...)
	return binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
}
