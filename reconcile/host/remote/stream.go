package remote

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxDepth  = 32      // of a message; ours have less than ten levels
	maxValues = 4 << 20 // of a message: a short one may stand for much more memory
)

// stream carries messages of JSON, each after its length in four bytes, big-endian. It implements
// jsonrpc2.ObjectStream. One goroutine reads while others write.
type stream struct {
	pipe   io.ReadWriteCloser
	in     *bufio.Reader
	most   int          // bytes of a message that arrives
	heard  atomic.Int64 // when anything arrived last: since birth, in nanoseconds
	birth  time.Time
	mu     sync.Mutex // of writing
	failed atomic.Pointer[error]
}

func newStream(pipe io.ReadWriteCloser, most int) *stream {
	s := &stream{pipe: pipe, most: most, birth: time.Now()}
	s.in = bufio.NewReader(reader{s})
	return s
}

// reader notes that the peer lives, also in the middle of a long message.
type reader struct{ s *stream }

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	n, err := r.s.pipe.Read(p)
	if n > 0 {
		r.s.heard.Store(int64(time.Since(r.s.birth)))
	}
	return n, err
}

// silent is how long nothing arrived.
func (s *stream) silent() time.Duration {
	return time.Since(s.birth) - time.Duration(s.heard.Load())
}

// ReadObject implements jsonrpc2.ObjectStream.
func (s *stream) ReadObject(v any) error {
	err := s.read(v)
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	}
	return err
}

func (s *stream) read(v any) error {
	var head [4]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > uint32(s.most) {
		return fmt.Errorf("a message has %d bytes, more than %d", size, s.most)
	}
	// The memory is taken as the bytes arrive, not as they are announced.
	data, err := io.ReadAll(io.LimitReader(s.in, int64(size)))
	if err != nil {
		return err
	}
	if len(data) < int(size) {
		return io.ErrUnexpectedEOF
	}
	if err := screen(data); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// WriteObject implements jsonrpc2.ObjectStream.
func (s *stream) WriteObject(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if uint64(len(data)) > maxAnswer {
		return fmt.Errorf("a message of %d bytes is too large", len(data))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.pipe.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}

// Close implements jsonrpc2.ObjectStream.
func (s *stream) Close() error { return s.pipe.Close() }

// err is why nothing more arrives, nil if the peer just ended.
func (s *stream) err() error {
	err := s.failed.Load()
	if err == nil || errors.Is(*err, io.EOF) || errors.Is(*err, io.ErrUnexpectedEOF) ||
		errors.Is(*err, io.ErrClosedPipe) {
		return nil
	}
	return *err
}

// screen refuses what takes much more memory to read than it has bytes.
func screen(data []byte) error {
	var depth, values int
	var quoted bool
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case quoted:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
		if depth > maxDepth || values > maxValues {
			return errors.New("a message is nested too deeply or has too many values")
		}
	}
	return nil
}
