package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/spec"
	"reconciler/spec/decrypt"
	"reconciler/spec/decrypt/decrypttest"
)

// withKey are options with a key of the tests.
func withKey(key string) spec.Options {
	keys := &decrypt.Keys{}
	if err := keys.Add(strings.NewReader(key)); err != nil {
		panic(err)
	}
	return spec.Options{Hostname: "me.example.net", Decrypter: keys}
}

// seal replaces, in a text, each AGE(…) by a value with the tag !age, each BAD(…) by one for
// somebody else, and encrypts the files whose names end in .age.
func seal(text string) string {
	text = replaceCalls(text, "AGE", func(s string) string { return tagged(s, decrypttest.Recipient) })
	text = replaceCalls(text, "BAD", func(s string) string {
		return tagged(s, decrypttest.OtherRecipient)
	})
	var out strings.Builder
	for i, part := range strings.SplitAfter("\n"+text, "\n-- ") {
		if i > 0 {
			name, body, _ := strings.Cut(part, " --\n")
			if strings.HasSuffix(name, ".age") {
				body, more := strings.CutSuffix(body, "\n-- ")
				part = name + " --\n" + decrypttest.Armored(body+"\n", decrypttest.Recipient)
				if more {
					part += "\n-- "
				}
			}
		}
		out.WriteString(part)
	}
	return strings.TrimPrefix(out.String(), "\n")
}

func replaceCalls(text, name string, by func(string) string) string {
	for {
		before, rest, found := strings.Cut(text, name+"(")
		if !found {
			return text
		}
		arg, after, _ := strings.Cut(rest, ")")
		text = before + by(strings.ReplaceAll(arg, `\n`, "\n")) + after
	}
}

// tagged is a value with the tag !age that can stand anywhere.
func tagged(text, recipient string) string {
	return `!age "` + strings.ReplaceAll(decrypttest.Armored(text, recipient), "\n", `\n`) + `"`
}

// sealed parses a tree whose secrets are sealed.
func sealed(t *testing.T, text string, o spec.Options) (*spec.Tree, error) {
	t.Helper()
	return spec.Parse(tree(seal(text)), o)
}

// passwordOf returns the password of c on h, "?" for an unknown one.
func passwordOf(tree *spec.Tree) string {
	p := tree.Hosts["h"].Containers["c"].Password
	if p.Unknown() {
		return "?"
	}
	return p.Reveal()
}

func TestSecretsWithTheirKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"container": {"targets: {h: {c: {password: AGE(hush)}}}", "hush"},
		"profile": {"profiles: {p: {password: AGE(hush)}}\ntargets: {h: {c: {profile: p}}}",
			"hush"},
		"defaults": {"defaults: {password: AGE(hush)}\ntargets: {h: {c: {}}}", "hush"},
		"host": {"hosts: {h: {defaults: {password: AGE(hush)}}}\ntargets: {h: {c: {}}}",
			"hush"},
		"alias": {"defaults: {password: &p AGE(hush)}\ntargets: {h: {c: {password: *p}}}",
			"hush"},
		"merge key": {"profiles: {p: &p {password: AGE(hush)}}\ntargets: {h: {c: {<<: *p}}}",
			"hush"},
		"precedence": {"defaults: {password: AGE(no)}\ntargets: {h: {c: {password: hush}}}",
			"hush"},
		"line break": {`targets: {h: {c: {password: AGE(hush\n)}}}`, "hush"},
		"looks like": {"targets: {h: {c: {password: AGE(null)}}}", "null"},
		"file, null": {"targets: {h: {c: }}\n-- b.yaml.age --\ntargets: {h: {c: {password: hush}}}",
			"hush"},
		"file, dotted": {"targets.h: {c: {}}\n-- b.yml.age --\ntargets.h: {c: {password: hush}}",
			"hush"},
		"file, number": {"targets: {h: {c: {}}}\n-- b.yaml.age --\n" +
			"targets: {h: {c: {password: 0777}}}",
			"0777"},
		"file, earlier": {"-- a.yaml.age --\ntargets: {h: {c: {password: hush}}}\n-- b.yaml --\n" +
			"targets: {h: {c: {}}}",
			"hush"},
		"file, defaults": {"defaults: {memory: 64M}\ntargets: {h: {c: {}}}\n-- b.yaml.age --\n" +
			"defaults: {password: hush}", "hush"},
		"file, profile": {"profiles: {p: {memory: 64M}}\ntargets: {h: {c: {profile: p}}}\n" +
			"-- b.yaml.age --\nprofiles: {p: {password: hush}}", "hush"},
		"file, host": {"hosts: {h: {}}\ntargets: {h: {c: {}}}\n-- b.yaml.age --\n" +
			"hosts: {h: {defaults: {password: hush}}}", "hush"},
		"file, merge key": {"targets: {h: {c: {}, d: {}}}\n-- b.yaml.age --\n" +
			"targets: {h: {d: &d {password: hush}, c: {<<: *d}}}", "hush"},
		"file, precedence": {"defaults: {password: no}\ntargets: {h: {c: {memory: 64M}}}\n" +
			"-- b.yaml.age --\ndefaults: {}\ntargets: {h: {c: {password: hush}}}", "hush"},
		"file of nothing": {"targets: {h: {c: {password: hush}}}\n-- b.yaml.age --\n# nothing",
			"hush"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sealed(t, tt.text, withKey(decrypttest.Key))
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if p := passwordOf(got); p != tt.want {
				t.Errorf("the container gets the password %q instead of %q", p, tt.want)
			}
			if len(got.Locked()) > 0 || len(got.Warnings) > 0 {
				t.Errorf("locked %v, warnings %v", got.Locked(), got.Warnings)
			}
		})
	}
}

func TestSecretsWithoutAKey(t *testing.T) {
	t.Parallel()
	const warning = "the file is encrypted and was not opened"
	for name, tt := range map[string]struct {
		text, password, locked string
		warnings               []string
	}{
		"value": {"targets:\n  h:\n    c: {password: AGE(hush)}\n    d: {password: AGE(hush)}", "?",
			"[a.yaml:3 a.yaml:4]",
			[]string{"a.yaml:3: encrypted and unknown: 2 value(s) | --decryption-key"}},
		"file": {"targets: {h: {c: {}}}\n-- b.yaml.age --\ntargets: {h: {c: {password: hush}}}", "?",
			"[b.yaml.age:1]", []string{"b.yaml.age:1: " + warning + " | --decryption-key"}},
		"file, password of defaults": {"defaults: {password: no}\ntargets: {h: {c: {}}}\n" +
			"-- b.yaml.age --\nx", "?", "[b.yaml.age:1]", []string{"b.yaml.age:1: " + warning}},
		"file, password of container": {"targets: {h: {c: {password: known}}}\n-- b.yaml.age --\nx",
			"known", "[b.yaml.age:1]", []string{"b.yaml.age:1: " + warning}},
		"value of somebody else": {"defaults: {password: AGE(no)}\ntargets: {h: {c: {password: known}}}",
			"known", "[a.yaml:1]", []string{"a.yaml:1: encrypted and unknown: 1 value(s)"}},
		"not encrypted": {"targets: {h: {c: {password: known}}}", "known", "[]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sealed(t, tt.text, spec.Options{})
			if err != nil {
				t.Fatalf("a plan without the key is impossible: %v", err)
			}
			if p := passwordOf(got); p != tt.password {
				t.Errorf("password %q instead of %q", p, tt.password)
			}
			if s := fmt.Sprint(got.Locked()); s != tt.locked {
				t.Errorf("run would refuse for %s instead of %s", s, tt.locked)
			}
			check(t, tt.text, got.Warnings, tt.warnings)
		})
	}
}

// What only a key can show is refused, with or without the key: a plan without it would be wrong.
func TestOnlySecretsAreEncrypted(t *testing.T) {
	t.Parallel()
	const only = "is encrypted, but a plan must be able to show it without a key; write it in " +
		"clear; only these are encrypted: password, priv_key, pub_key, ssh_gateway_password"
	for name, tt := range map[string]struct{ text, want string }{
		"setting": {"targets: {h: {\nc: {\nmemory: AGE(64M)}}}",
			"a.yaml:3: targets.h.c.memory: " + only},
		"list": {"targets: {h: {c: {domains: [\nx.y,\nAGE(z.y)]}}}",
			"a.yaml:3: targets.h.c.domains: " + only},
		"map": {"templates: {t: {image: x, options: {\npassword: AGE(x)}}}\ntargets: {h: {}}",
			"a.yaml:2: templates.t.options: " + only},
		"raw": {"defaults: {lxc_conf: [{\nlxc.a: AGE(x)}]}\ntargets: {h: {}}",
			"a.yaml:2: defaults.lxc_conf: " + only},
		"profile": {"profiles: {p: {ip: AGE(x)}}\ntargets: {h: {}}", "a.yaml:1: profiles.p.ip: "},
		"by name": {"defaults: {profile: p}\nprofiles: {p: {}}\n" +
			"targets: {h: {c: {profile: AGE(p)}}}",
			"a.yaml:3: targets.h.c.profile: " + only},
		"later": {"targets: {h: {c: {mode: AGE(x)}}}", "a.yaml:1: targets.h.c.mode: " + only},
		"host": {"hosts: {h: {connect: AGE(local)}}\ntargets: {h: {}}",
			"a.yaml:1: hosts.h.connect: " + only},
		"network": {"networks: {n: {cidr: AGE(10.0.0.0/8)}}\ntargets: {h: {}}",
			"a.yaml:1: networks.n.cidr: " + only},
		"alias": {"targets: {h: {c: {password: &x AGE(x),\nmemory: *x}}}",
			"a.yaml:1: targets.h.c.memory: " + only},
		"section": {"defaults: AGE(x)\ntargets: {h: {}}", "a.yaml:1: defaults: is a single value"},
		"entry": {"targets: {h: {c: AGE(x)}}",
			"a.yaml:1: targets.h.c: a container is a single value"},
		"key": {"targets: {h: {c: {AGE(memory): 64M}}}",
			"a.yaml:1: targets.h.c: a key must be a word"},
		"document": {"AGE(targets)", "a.yaml:1: a document of the tree is a single value"},
		"mapping": {"targets: {h: {c: !age {password: x}}}",
			"a.yaml:1: targets.h.c: tag !age is not supported"},
		"tag": {"targets: {h: {c: {password: !secret x}}}",
			"a.yaml:1: targets.h.c.password: tag !secret is not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, o := range []spec.Options{{}, withKey(decrypttest.Key)} {
				_, err := sealed(t, tt.text, o)
				ps, _ := err.(spec.Problems)
				check(t, tt.text, ps, []string{tt.want})
			}
		})
	}
}

func TestSecretsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	const value = "a.yaml:2: targets.h.c.password: "
	good := decrypttest.Armored("hush", decrypttest.Recipient)
	for name, tt := range map[string]struct{ value, want string }{
		"wrong key": {"BAD(hush)",
			value + "the encrypted value is not opened by any of the keys"},
		"no age data": {"!age hush", value + "the encrypted value is no age data"},
		"nothing":     {"!age ''", value + "the encrypted value is no age data"},
		"damaged": {`!age "` + strings.ReplaceAll(good[:150], "\n", `\n`) + `"`,
			value + "the encrypted value is damaged"},
		"empty":        {"AGE()", value + "the value is empty"},
		"only a break": {`AGE(\n)`, value + "the value is empty"},
		"two breaks":   {`AGE(hush\n\n)`, value + "the value has a line break"},
		"binary":       {"AGE(hu\xffsh)", value + "the encrypted value is not UTF-8 text"},
		"without a tag": {strings.ReplaceAll(fmt.Sprintf("%q", good), " FILE", " FILE"),
			value + "the value is encrypted by age, but has no tag | password: !age |"},
		"SOPS, no MAC": {"'ENC[AES256_GCM,data:aGk=,iv:AAECAw==,tag:AAECAwQFBgcICQoLDA0ODw==,type:str]'",
			value + "the value is encrypted by SOPS, but its document has no mapping sops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "targets: {h: {c: {\npassword: " + tt.value + "}}}"
			_, err := sealed(t, text, withKey(decrypttest.Key))
			ps, _ := err.(spec.Problems)
			check(t, text, ps, []string{tt.want})
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows what it is about: %v", err)
			}
		})
	}
}

func TestEncryptedFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	const plain = "defaults: {password: x}\nprofiles: {p: {password: x}}\n" +
		"hosts: {h: {defaults: {password: x}}}\ntargets: {h: {c: {password: x}, d: {}}}\n" +
		"-- b.yaml.age --\n\n"
	const only = "b.yaml.age:2: is encrypted, but a plan must be able to show it"
	const form = "b.yaml.age:2: the form of the decrypted text is wrong"
	const twice = `"password" is declared twice (also at a.yaml:`
	for name, tt := range map[string]struct{ text, want string }{
		"setting":     {"targets: {h: {d: {memory: 1G}}}", only + " | write it in a file in clear"},
		"unknown":     {"targets: {h: {d: {hunter2: 1G}}}", only},
		"section":     {"networks: {n: {cidr: 10.0.0.0/8}}", only},
		"unknown too": {"hunter2: {}", only},
		"host's":      {"hosts: {h: {connect: local}}", only},
		"container": {"targets: {h: {hunter2: {password: x}}}",
			"b.yaml.age:2: gives secrets to a container that no file in clear declares"},
		"host": {"targets: {hunter2: {c: {password: x}}}",
			"b.yaml.age:2: gives secrets to a host that"},
		"dotted": {"targets.hunter2: {c: {password: x}}",
			"b.yaml.age:2: gives secrets to a host that"},
		"hosts": {"hosts: {hunter2: {defaults: {password: x}}}",
			"b.yaml.age:2: gives secrets to a host that"},
		"profile": {"profiles: {hunter2: {password: x}}",
			"b.yaml.age:2: gives secrets to a profile that"},
		"twice": {"targets: {h: {c: {password: y}}}",
			"b.yaml.age:2: targets.h.c.password: " + twice + "4)"},
		"twice, profile": {"profiles: {p: {password: y}}",
			"b.yaml.age:2: profiles.p.password: " + twice + "2)"},
		"twice, hosts": {"hosts: {h: {defaults: {password: y}}}",
			"b.yaml.age:2: hosts.h.defaults.password: " + twice + "3)"},
		"twice, all": {"defaults: {password: y}",
			"b.yaml.age:2: defaults.password: " + twice + "1)"},
		"twice in two": {"targets: {h: {d: {password: y}}}\n---\ntargets: {h: {d: {password: z}}}",
			`b.yaml.age:4: targets.h.d.password: "password" is declared twice (also at b.yaml.age:2)`},
		"not a mapping": {"targets: hunter2", "b.yaml.age:2: is a single value"},
		"no document":   {"hunter2", "b.yaml.age:2: is a single value"},
		"value": {"targets: {h: {d: {password: [hunter2]}}}",
			"b.yaml.age:2: targets.h.d.password: is a list"},
		"null": {"targets: {h: {d: {password: }}}",
			"b.yaml.age:2: targets.h.d.password: has no value"},
		"syntax": {"targets: {h: *hunter2}",
			"b.yaml.age:2: is not valid YAML once it is decrypted"},
		"same key":  {"hunter2: {}\nhunter2: {}", strings.Replace(form, ":2", ":3", 1)},
		"tag":       {"targets: {h: {d: {password: !hunter2 x}}}", form},
		"once more": {"targets: {h: {d: {password: !age hunter2}}}", form},
		"binary":    {"hunter2\x00", "b.yaml.age:2: is a binary file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusedSealed(t, plain+tt.text, tt.want)
		})
	}
}

// refusedSealed checks that a tree with an encrypted file is refused with its key, in words that
// tell nothing of the file, and that who has no key or another one learns no more.
func refusedSealed(t *testing.T, text, want string) {
	t.Helper()
	_, err := sealed(t, text, withKey(decrypttest.Key))
	ps, _ := err.(spec.Problems)
	check(t, text, ps, []string{want})
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats a word of the encrypted file: %v", err)
	}
	if _, err := sealed(t, text, spec.Options{}); err != nil {
		t.Errorf("without the key: %v", err)
	}
	_, err = sealed(t, text, withKey(decrypttest.OtherKey))
	ps, _ = err.(spec.Problems)
	check(t, text, ps, []string{"b.yaml.age:1: the file is not opened by any of the keys"})
}

// show says where a password comes from as far as that is known.
func TestSettingsOfSecrets(t *testing.T) {
	t.Parallel()
	const layered = "profiles: {p: {}}\ntargets: {h: {c: {profile: p}}}\n-- b.yaml.age --\n" +
		"profiles: {p:\n  {password: hush}}"
	for _, tt := range []struct {
		text string
		o    spec.Options
		want spec.Setting
	}{
		{layered, withKey(decrypttest.Key), spec.Setting{Key: "password", Value: "***",
			Layer: "profile p", Class: spec.Once, Acted: true,
			Position: spec.Position{File: "b.yaml.age", Line: 2, Column: 14}}},
		{layered, spec.Options{}, spec.Setting{Key: "password", Value: "(sensitive)",
			Layer: "perhaps an encrypted file", Class: spec.Once, Acted: true,
			Position: spec.Position{File: "b.yaml.age", Line: 1}}},
		{"targets: {h: {c: {password: AGE(hush)}}}", spec.Options{}, spec.Setting{Key: "password",
			Value: "(sensitive)", Layer: "container", Class: spec.Once, Acted: true,
			Position: spec.Position{File: "a.yaml", Line: 1, Column: 29}}},
		{"targets: {h: {c: {ssh_gateway_password: AGE(hush)}}}", withKey(decrypttest.Key),
			spec.Setting{Key: "ssh_gateway_password", Value: "***", Layer: "container",
				Position: spec.Position{File: "a.yaml", Line: 1, Column: 41}}},
	} {
		got, err := sealed(t, tt.text, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		settings, _ := got.Settings("h", "c")
		found := spec.Setting{}
		for _, s := range settings {
			if s.Key == tt.want.Key {
				found = s
			}
		}
		if diff := cmp.Diff(tt.want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestUnknownSecret(t *testing.T) {
	t.Parallel()
	s := spec.UnknownSecret()
	if s.IsZero() || !s.Unknown() || spec.NewSecret("x").Unknown() || s == spec.NewSecret("") {
		t.Error("an unknown secret counts as none: another one would be generated")
	}
	text, err := s.MarshalText()
	for _, got := range []string{s.String(), fmt.Sprintf("%v %#v", s, s)[:11], string(text),
		s.LogValue().String()} {
		if got != "(sensitive)" || err != nil {
			t.Errorf("prints as %q", got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown secret gave a text: the password would become empty")
		}
	}()
	_ = s.Reveal()
}
