package sops

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const goodLeaf = "ENC[AES256_GCM,data:aGk=,iv:AAECAw==,tag:AAECAwQFBgcICQoLDA0ODw==,type:str]"

func TestParseLeaf(t *testing.T) {
	t.Parallel()
	l, err := parseLeaf(goodLeaf)
	if err != nil || string(l.data) != "hi" || len(l.iv) != 4 || len(l.tag) != 16 || l.kind != "str" {
		t.Errorf("%+v, %v", l, err)
	}
	for name, text := range map[string]string{
		"empty":        "",
		"clear":        "password",
		"no end":       strings.TrimSuffix(goodLeaf, "]"),
		"more":         goodLeaf + " ",
		"other cipher": strings.Replace(goodLeaf, "AES256_GCM", "AES128_GCM", 1),
		"no data":      strings.Replace(goodLeaf, "aGk=", "", 1),
		"no base64":    strings.Replace(goodLeaf, "aGk=", "a!", 1),
		"line break":   strings.Replace(goodLeaf, "aGk=", "aG\nk=", 1),
		"short tag":    strings.Replace(goodLeaf, "AAECAwQFBgcICQoLDA0ODw==", "AAEC", 1),
		"other order":  strings.Replace(goodLeaf, "data:aGk=,iv:AAECAw==", "iv:AAECAw==,data:aGk=", 1),
		"a field more": strings.Replace(goodLeaf, ",type", ",x:1,type", 1),
		"a field less": strings.Replace(goodLeaf, ",iv:AAECAw==", "", 1),
	} {
		if l, err := parseLeaf(text); err == nil {
			t.Errorf("%s: read as %+v", name, l)
		}
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, clear, text, counted string }{
		{"str", "True", "True", "True"}, {"bytes", "x", "x", "x"},
		{"int", "42", "42", "42"}, {"int", "007", "7", "7"}, {"int", "-1", "-1", "-1"},
		{"float", "1.50", "1.5", "1.5"}, {"float", "1e3", "1000", "1000"},
		{"bool", "True", "true", "True"}, {"bool", "false", "false", "False"},
		{"time", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"},
	} {
		text, counted, err := convert(tt.kind, tt.clear)
		if err != nil || text != tt.text || counted != tt.counted {
			t.Errorf("%s %s: %q, %q, %v", tt.kind, tt.clear, text, counted, err)
		}
	}
	for kind, clear := range map[string]string{"int": "x1", "float": "x1", "bool": "x1",
		"comment": "x1", "": "x1"} {
		if _, _, err := convert(kind, clear); err == nil || strings.Contains(err.Error(), "x1") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// FuzzParseLeaf holds a law: what is read as an encrypted value has exactly one way to be
// written. Nothing panics, with any key.
func FuzzParseLeaf(f *testing.F) {
	for _, seed := range []string{goodLeaf, "", "ENC[]", "ENC[AES256_GCM,]", "ENC[AES256_GCM,data:]",
		"ENC[AES256_GCM,data:a,iv:b,tag:c,type:d]", goodLeaf + goodLeaf} {
		f.Add(seed, "a:b:")
	}
	f.Fuzz(func(t *testing.T, text, additional string) {
		l, err := parseLeaf(text)
		if err != nil {
			return
		}
		in64 := base64.StdEncoding.EncodeToString
		if again := fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]", in64(l.data), in64(l.iv),
			in64(l.tag), l.kind); again != text {
			t.Fatalf("%q is read as %q", text, again)
		}
		if clear, err := l.open(make([]byte, keySize), additional); err == nil {
			t.Fatalf("%q decrypts with a key of zeros to %q", text, clear)
		}
		if _, err := l.open([]byte(additional), ""); err == nil {
			t.Fatal("a key of any size opens it")
		}
	})
}
