package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// formatVersion is that of every JSON document of this package. The major number counts up when
// a reader of the old form would go wrong.
const formatVersion = "1.0"

// Error is what is answered to a request that did not succeed.
type Error struct {
	Text string `json:"error"`
}

// answer writes a document.
func answer(w http.ResponseWriter, code int, document any) {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, "cannot encode the answer")
		return
	}
	answerText(w, code, append(ascii(text), '\n'))
}

// answerText writes JSON.
func answerText(w http.ResponseWriter, code int, text []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = w.Write(text) // who asked is gone
}

// refuse answers why not. The text is our own and needs no care.
func refuse(w http.ResponseWriter, code int, text string) { answer(w, code, Error{text}) }

// refuseFor refuses, and says when it makes sense to ask again.
func refuseFor(w http.ResponseWriter, code int, wait time.Duration, text string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	refuse(w, code, text)
}

// ascii escapes all that a terminal may act on: these documents hold texts of commits, and people
// look at them with curl. Such characters stand only inside JSON strings, where the escape means
// the same.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r < 0x7f {
			out = append(out, text[:n]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[n:]
	}
	return out
}
