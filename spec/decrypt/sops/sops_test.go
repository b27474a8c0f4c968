package sops_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"reconciler/spec/decrypt/decrypttest"
	"reconciler/spec/decrypt/sops"
)

// documents parses a file.
func documents(t failer, text string) (roots []*yaml.Node) {
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return roots
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		roots = append(roots, doc.Content[0])
	}
}

type failer interface{ Fatalf(string, ...any) }

// open is a decrypter with one key.
func open(key string) func([]byte) ([]byte, error) {
	return func(data []byte) ([]byte, error) {
		identity, err := age.ParseX25519Identity(key)
		if err != nil {
			return nil, err
		}
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(string(data))), identity)
		if err != nil {
			return nil, errors.New("is not for this key")
		}
		return io.ReadAll(r)
	}
}

// read opens a file and returns its problems, and its documents with their clear texts.
func read(t failer, text string) (problems []sops.Problem, clear string) {
	roots := documents(t, text)
	if !slices.ContainsFunc(roots, sops.Is) {
		t.Fatalf("not taken for a file of SOPS:\n%s", text)
	}
	file, problems := sops.Read(roots)
	if (file == nil) != (len(problems) > 0) {
		t.Fatalf("file %v with problems %v", file, problems)
	}
	if file == nil {
		return problems, ""
	}
	encrypted := file.Encrypted()
	texts, problem := file.Open(open(decrypttest.Key))
	if problem != nil {
		if texts != nil {
			t.Fatalf("a clear text comes with a problem: %v", problem)
		}
		return []sops.Problem{*problem}, ""
	}
	if len(encrypted) != len(texts) {
		t.Fatalf("%d encrypted values, %d clear ones", len(encrypted), len(texts))
	}
	for _, n := range encrypted {
		n.Value, n.Tag, n.Style = texts[n], "!!str", yaml.DoubleQuotedStyle
	}
	return nil, flat(roots)
}

// flat is the values of documents in order, each with its path.
func flat(roots []*yaml.Node) string {
	var b strings.Builder
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.SequenceNode:
				walk(c, path+fmt.Sprintf("[%d]", i))
			case i%2 == 1:
				walk(c, path+"."+n.Content[i-1].Value)
			}
		}
		if n.Kind == yaml.ScalarNode {
			fmt.Fprintf(&b, "%s=%s\n", path, n.Value)
		}
	}
	for _, r := range roots {
		walk(r, "")
	}
	return b.String()
}

const plain = `# a comment
top: hush
other_unencrypted: [1, two, true, 3.5, null, "", 2026]
deep:
  # another
  password: "line one\nline two, with: ENC["
  number: 42
  ratio: 0.25
  yes: true
  no: false
  list: [a, b, {password: c}]
  empty: ""
  nothing:
`

func to(s decrypttest.SOPS) decrypttest.SOPS {
	s.Recipients = []string{decrypttest.Recipient}
	return s
}

// What sops encrypted is read as it was before, under every rule and with the documents of a file
// together.
func TestEncryptedFilesAreReadAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]decrypttest.SOPS{
		"default":            {},
		"regex":              {EncryptedRegex: "^(password|number)$"},
		"suffix":             {EncryptedSuffix: "word"},
		"unencrypted regex":  {UnencryptedRegex: "^(top|list)$"},
		"mac only encrypted": {EncryptedRegex: "^password$", MACOnlyEncrypted: true},
		"other recipients":   {Recipients: []string{decrypttest.OtherRecipient}},
		"other master keys": {Extra: map[string]any{"pgp": []map[string]string{{"fp": "85D7"}},
			"shamir_threshold": 1}},
	} {
		s.Recipients = append(s.Recipients, decrypttest.Recipient)
		for _, text := range []string{plain, "a: x\n---\n" + plain} {
			problems, got := read(t, s.Encrypt(text))
			if want := flat(documents(t, text)); got != want || problems != nil {
				t.Errorf("%s: %v\n got %s\nwant %s", name, problems, got, want)
			}
		}
	}
}

// An encrypted comment looks like a value and is none.
func TestEncryptedCommentsAreComments(t *testing.T) {
	t.Parallel()
	text := to(decrypttest.SOPS{}).Encrypt("a: x\nb: [y]\n")
	comment := "#ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:comment]\n"
	text = comment + strings.Replace(text, "b:", comment+"b: "+comment, 1)
	if problems, got := read(t, text); problems != nil || got != ".a=x\n.b[0]=y\n" {
		t.Errorf("%v, %q", problems, got)
	}
}

// change is one way to change an encrypted file without sops.
type change struct{ from, to string }

func TestChangedFilesAreRefused(t *testing.T) {
	t.Parallel()
	const text = "a:\n  password: hush\n  memory: 64M\nb:\n  password: hunter2\n  list: [x, y]\n"
	good := to(decrypttest.SOPS{EncryptedRegex: "^password$"}).Encrypt(text)
	secret := regexp.MustCompile(`ENC\[\S+type:str\]`).FindString(good)
	for name, tt := range map[string]struct {
		change
		want string
	}{
		"clear value":   {change{"64M", "64G"}, "does not match its MAC"},
		"item removed":  {change{"[x, y]", "[x]"}, "does not match its MAC"},
		"key moved":     {change{"a:\n", "c:\n"}, "does not decrypt"},
		"value removed": {change{secret, "''"}, "does not match its MAC"},
		"made clear":    {change{secret, "hush"}, "is in clear text, but the rule"},
		"form":          {change{",type:str]", ",type:]"}, "is not written as SOPS writes"},
		"type":          {change{",type:str]", ",type:int]"}, "is not of the type"},
		"unknown type":  {change{",type:str]", ",type:comment]"}, "is of an unknown type"},
		"time":          {change{"2026-01-02", "2026-01-03"}, "the mapping sops was changed"},
		"no time":       {change{"2026-01-02", "yesterday"}, "lastmodified"},
		"rule":          {change{"^password$", "^memory$"}, "but the rule of its file says"},
		"broken rule":   {change{"^password$", "(((("}, "invalid regular expression"},
		"second rule": {change{"    encrypted_regex", "    encrypted_suffix: x\n    encrypted_regex"},
			"more than one rule"},
		"comments' rule": {change{"encrypted_regex", "encrypted_comment_regex"}, "rule on comments"},
		"alias":          {change{"64M", "&x 64M\n    z: *x"}, "is an alias"},
		"MAC": {change{"    mac: ENC[AES256_GCM,data:",
			"    mac: ENC[AES256_GCM,data:AAAA"}, "MAC"},
		"MAC without form": {change{"    mac: ENC", "    mac: XENC"}, "has a MAC that cannot be read"},
		"no age": {change{"    age:", "    pgp:"},
			"is encrypted to no age key"},
		"groups": {change{"    age:", "    key_groups:"},
			"is encrypted to groups of keys"},
	} {
		text := strings.Replace(good, tt.from, tt.to, 1)
		if text == good {
			t.Fatalf("%s: nothing was changed in\n%s", name, good)
		}
		problems, _ := read(t, text)
		if len(problems) == 0 || !strings.Contains(problems[0].Text, tt.want) {
			t.Errorf("%s: got %v, want %q", name, problems, tt.want)
			continue
		}
		for _, p := range problems {
			if s := p.Text + p.Hint + p.Path; strings.Contains(s, "hunter2") || p.Node == nil {
				t.Errorf("%s: told as %q at %v", name, s, p.Node)
			}
		}
	}
}

func TestMappingThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"sops: {mac: [1], age: x}", "sops: {mac: x, age: 1}",
		"a: &a {x: y}\nsops: {mac: x, age: *a}"} {
		problems, _ := read(t, text)
		if len(problems) != 1 || problems[0].Text != "has a sops mapping that cannot be read" {
			t.Errorf("%s: %v", text, problems)
		}
	}
}

// Under mac_only_encrypted nobody can slip in a value that only looks verified.
func TestClearValueInPlaceOfASecret(t *testing.T) {
	t.Parallel()
	s := to(decrypttest.SOPS{EncryptedRegex: "^password$", MACOnlyEncrypted: true})
	text := "b: {password: known}\n" + s.Encrypt("a: {password: hush}\n")
	problems, _ := read(t, text)
	if len(problems) != 1 || problems[0].Path != "b.password" || problems[0].Node.Line != 1 {
		t.Errorf("got %v", problems)
	}
}

// A document that was added by hand counts for the MAC of its file.
func TestAddedDocument(t *testing.T) {
	t.Parallel()
	text := to(decrypttest.SOPS{EncryptedRegex: "^password$"}).Encrypt("a: {password: hush}\n")
	if problems, _ := read(t, text+"---\nb: {memory: 1G}\n"); len(problems) != 1 ||
		!strings.Contains(problems[0].Text, "does not match its MAC") {
		t.Errorf("got %v", problems)
	}
}

func TestWrongKeyNamesTheRecipients(t *testing.T) {
	t.Parallel()
	s := decrypttest.SOPS{Recipients: []string{decrypttest.OtherRecipient}}
	problems, _ := read(t, s.Encrypt("a: hush\n"))
	if len(problems) != 1 || problems[0].Text !=
		"cannot be opened: its data key is not for this key" ||
		problems[0].Hint != "it is encrypted to "+decrypttest.OtherRecipient {
		t.Errorf("got %+v", problems)
	}
}

func TestWhatIsNoFileOfSOPS(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a: 1", "[sops]", "sops", "sops: {}", "sops: [mac]",
		"a: {sops: {mac: x}}"} {
		if sops.Is(documents(t, text)[0]) {
			t.Errorf("%s is taken for a file of SOPS", text)
		}
	}
}

// Whatever stands in a file, sops and this package agree about it.
func TestAnyFileIsReadAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Bool().AsAny(),
			rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.SliceOf(rapid.String()).AsAny())
		tree := rapid.MapOf(rapid.StringMatching(`[a-z:._ -]{1,8}`),
			rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}(_unencrypted)?`), value)).Draw(t, "tree")
		delete(tree, "sops")
		if len(tree) == 0 {
			return
		}
		data, err := yaml.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		var again any
		if yaml.Unmarshal(data, &again) != nil {
			return // not every text can be written as YAML
		}
		problems, got := read(t, to(decrypttest.SOPS{}).Encrypt(string(data)))
		if want := flat(documents(t, string(data))); len(problems) > 0 || !sameValues(got, want) {
			t.Fatalf("%v\n got %s\nwant %s", problems, got, want)
		}
	})
}

// sameValues compares two flat files; numbers may be written in another way.
func sameValues(a, b string) bool {
	if a == b {
		return true
	}
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	return slices.EqualFunc(x, y, func(a, b string) bool {
		ka, va, _ := strings.Cut(a, "=")
		kb, vb, _ := strings.Cut(b, "=")
		var fa, fb float64
		_, errA := fmt.Sscanf(va, "%g", &fa)
		_, errB := fmt.Sscanf(vb, "%g", &fb)
		return a == b || ka == kb && errA == nil && errB == nil && fa == fb
	})
}

// Changing any character of an encrypted file never brings out a value that was not in it.
func TestNoChangeBringsOutAnotherValue(t *testing.T) {
	t.Parallel()
	good := to(decrypttest.SOPS{EncryptedRegex: "^password$"}).
		Encrypt("a: {password: hush, memory: 64M}\n")
	_, want := read(t, good)
	end := strings.Index(good, "sops:")
	for i := range good[:end] {
		for _, c := range []byte("aA0") {
			text := good[:i] + string(c) + good[i+1:]
			roots, err := tryDocuments(text)
			if err != nil || !slices.ContainsFunc(roots, sops.Is) {
				continue
			}
			file, problems := sops.Read(roots)
			if len(problems) > 0 {
				continue
			}
			texts, problem := file.Open(open(decrypttest.Key))
			if problem == nil && slices.Sorted(maps.Values(texts))[0] != "hush" {
				t.Fatalf("byte %d as %q: %v instead of %s", i, c, texts, want)
			}
		}
	}
}

func tryDocuments(text string) (roots []*yaml.Node, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return nil, errors.New("no YAML")
	}
	return doc.Content, nil
}
