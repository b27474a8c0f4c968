package spec_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"reconciler/spec"
	"reconciler/spec/decrypt/decrypttest"
)

// Encrypting the passwords of a declaration, in any way that there is, changes nothing of what it
// means; and without the key everything else is still there.
func TestEncryptingNeverMatters(t *testing.T) {
	t.Parallel()
	for name, encrypt := range map[string]func([]piece, fstest.MapFS) fstest.MapFS{
		"age values": ageValues, "age file": ageFile, "SOPS": sopsFiles,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				pieces := drawPieces(t)
				place := rapid.SliceOfN(rapid.IntRange(0, 3), len(pieces), len(pieces))
				plain := files(pieces, place.Draw(t, "files"))
				want, err := spec.Parse(plain, spec.Options{})
				if err != nil {
					return
				}
				encrypted := encrypt(pieces, plain)
				got, err := spec.Parse(encrypted, withKey(decrypttest.Key))
				if err != nil {
					t.Fatalf("the encrypted declaration is refused: %v", err)
				}
				if diff := sameTree(want, got); diff != "" {
					t.Fatalf("the encrypted declaration is another tree:\n%s", diff)
				}
				without, err := spec.Parse(encrypted, spec.Options{})
				if err != nil {
					t.Fatalf("a plan without the key is impossible: %v", err)
				}
				if diff := sameTree(withoutPasswords(want), withoutPasswords(without)); diff != "" {
					t.Fatalf("without the key another tree is shown:\n%s", diff)
				}
			})
		})
	}
}

func withoutPasswords(t *spec.Tree) *spec.Tree {
	for _, h := range t.Hosts {
		for _, c := range h.Containers {
			c.Password = spec.Secret{}
		}
	}
	return t
}

func mapFiles(in fstest.MapFS, f func(string) string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, file := range in {
		out[name] = &fstest.MapFile{Data: []byte(f(string(file.Data)))}
	}
	return out
}

func ageValues(_ []piece, plain fstest.MapFS) fstest.MapFS {
	value := tagged("hush\n", decrypttest.Recipient)
	return mapFiles(plain, func(text string) string {
		return strings.ReplaceAll(text, "password: hush", "password: "+value)
	})
}

func sopsFiles(_ []piece, plain fstest.MapFS) fstest.MapFS {
	s := decrypttest.SOPS{EncryptedRegex: "^password$", Recipients: []string{decrypttest.Recipient}}
	return mapFiles(plain, s.Encrypt)
}

// ageFile moves the passwords into a file of their own.
func ageFile(pieces []piece, plain fstest.MapFS) fstest.MapFS {
	var secrets []piece
	for _, p := range pieces {
		if strings.Contains(p.body, "password: hush") {
			body := "password: hush"
			if p.section == "hosts" {
				body = "defaults: {" + body + "}"
			}
			secrets = append(secrets, piece{p.section, p.host, p.name, body})
		}
	}
	out := mapFiles(plain, func(text string) string {
		text = strings.ReplaceAll(text, "password: hush, ", "")
		return strings.ReplaceAll(strings.ReplaceAll(text, ", password: hush", ""),
			"password: hush", "")
	})
	for _, f := range files(secrets, make([]int, len(secrets))) {
		out["secrets.yaml.age"] = &fstest.MapFile{
			Data: decrypttest.Age(string(f.Data), decrypttest.Recipient)}
	}
	return out
}

// marker stands for every secret that a test hides in a declaration.
const marker = "Hunter2Secret"

// hidden draws a declaration with the marker encrypted in places right and wrong, and with
// damage: most of them are refused.
func hidden(t *rapid.T) fstest.MapFS {
	to := rapid.SampledFrom([]string{decrypttest.Recipient, decrypttest.OtherRecipient})
	text := rapid.SampledFrom([]string{marker, marker + "\n", "x " + marker + "\nmore",
		marker + "\xff", "{" + marker + ": " + marker + "}", strings.Repeat(marker, 30)})
	value := func(label string) string {
		s := tagged(text.Draw(t, label), to.Draw(t, label+" for"))
		if rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
			at := rapid.IntRange(len(s)/2, len(s)-60).Draw(t, "at")
			s = s[:at] + "A" + s[at+1:]
		}
		return s
	}
	keys := []string{"password", "password", "memory", "domains", "options", "ip", "profile", "mode",
		"ssh_gateway_password", "priv_key", "nokey", "lxc_conf", "target"}
	key := rapid.SampledFrom(keys)
	body := func(label string) string { return key.Draw(t, label) + ": " + value(label+" value") }
	plain := fmt.Sprintf("defaults: {%s}\nprofiles: {p: {%s}}\nhosts: {h: {defaults: {%s}}}\n"+
		"targets: {h: {c: {%s}, d: {}}}\n", body("defaults"), body("profile"), body("host"),
		body("container"))
	file := fmt.Sprintf("targets: {h: {%s: {%s: %s}}}\n%s",
		rapid.SampledFrom([]string{"d", "c", marker}).Draw(t, "name"),
		rapid.SampledFrom(append(keys, marker)).Draw(t, "key"),
		rapid.SampledFrom([]string{marker, "[" + marker + "]", "{" + marker + ": x}", "*" + marker,
			"&" + marker + " x", "!" + marker + " x", "\"" + marker, "!!int " + marker,
			"<<: " + marker, marker + ": " + marker}).Draw(t, "value"),
		rapid.SampledFrom([]string{"", marker, marker + ": x", "? " + marker, "%" + marker,
			"--- " + marker, "targets: " + marker}).Draw(t, "more"))
	sops := decrypttest.SOPS{Recipients: []string{to.Draw(t, "SOPS for")}}.Encrypt(
		fmt.Sprintf("targets: {i: {c: {%s: %s}}}\n", key.Draw(t, "SOPS key"), marker))
	if rapid.Bool().Draw(t, "changed") {
		sops = strings.Replace(sops, "c:", "e:", 1)
	}
	out := fstest.MapFS{}
	for name, data := range map[string][]byte{"a.yaml": []byte(plain), "s.yaml": []byte(sops),
		"f.yaml.age": decrypttest.Age(file, to.Draw(t, "file for"))} {
		if rapid.Bool().Draw(t, name) {
			out[name] = &fstest.MapFile{Data: data}
		}
	}
	out["targets.yaml"] = &fstest.MapFile{Data: []byte("targets: {k: {}}")}
	return out
}

// No way of reading a declaration, with a key or without, good or bad, tells a word of what is
// encrypted in it.
func TestNothingEncryptedIsTold(t *testing.T) {
	t.Parallel()
	told := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		fsys := hidden(t)
		for _, o := range []spec.Options{{}, withKey(decrypttest.Key), withKey(decrypttest.OtherKey)} {
			got, err := spec.Parse(fsys, o)
			told[err == nil]++
			said := []string{fmt.Sprintf("%v %+v %#v", err, err, err)}
			if got != nil {
				said = append(said, everything(t, got)...)
			}
			if i := slices.IndexFunc(said, func(s string) bool {
				return strings.Contains(s, marker)
			}); i >= 0 {
				t.Fatalf("told: %s", said[i])
			}
		}
	})
	if told[true] == 0 || told[false] == 0 {
		t.Errorf("this looked at %d good and %d bad declarations only", told[true], told[false])
	}
}

// everything is all that a tree prints.
func everything(t *rapid.T, tree *spec.Tree) []string {
	said := []string{fmt.Sprintf("%v %+v", tree.Warnings, tree.Locked())}
	for _, h := range tree.Hosts {
		for _, c := range h.Containers {
			data, err := json.Marshal(c.Settings.Password)
			if err != nil {
				t.Fatal(err)
			}
			list, _ := tree.Settings(h.Name, c.Name)
			said = append(said, string(data), fmt.Sprintf("%v %+v %#v", list, *c, list))
		}
	}
	return said
}

// FuzzEncryptedFile: whatever is in an encrypted file, Parse neither panics nor tells it.
func FuzzEncryptedFile(f *testing.F) {
	for _, seed := range []string{"targets: {h: {c: {password: x}}}", "a: &a [*a]", "profiles: [x]",
		"defaults: {password: &a x, priv_key: *a}", "hosts: {h: {defaults: {<<: &a {<<: *a}}}}",
		"- - -", "? ? ?", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			t.Skip("size is the business of TestSizeLimit")
		}
		fsys := fstest.MapFS{
			"a.yaml":     {Data: []byte("profiles: {p: {}}\nhosts: {h: {}}\ntargets: {h: {c: {}}}")},
			"b.yaml.age": {Data: decrypttest.Age(text, decrypttest.Recipient)},
		}
		got, err := spec.Parse(fsys, withKey(decrypttest.Key))
		if err == nil {
			complete(t, got)
		}
	})
}
