package spec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"reconciler/spec"
)

// schema is a JSON Schema with as much of a validator as the tree's needs.
type schema struct{ root map[string]any }

func loadSchema(t *testing.T) schema {
	t.Helper()
	data, err := spec.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(data, &s.root); err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	return s
}

// valid says what is wrong with v, or "".
func (s schema) valid(node map[string]any, v any, at string) string {
	for _, k := range slices.Sorted(maps.Keys(node)) {
		if wrong := s.keyword(node, k, v, at); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (s schema) keyword(node map[string]any, k string, v any, at string) string {
	m, isMap := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	arg := node[k]
	switch k {
	case "$schema", "$defs", "title", "description", "properties", "patternProperties":
	case "$ref":
		name := strings.TrimPrefix(arg.(string), "#/$defs/")
		return s.valid(s.root["$defs"].(map[string]any)[name].(map[string]any), v, at)
	case "type":
		types, ok := arg.([]any)
		if !ok {
			types = []any{arg}
		}
		if !slices.ContainsFunc(types, func(name any) bool { return isOf(name.(string), v) }) {
			return fmt.Sprintf("%s: %v is not %v", at, v, types)
		}
	case "enum":
		if !slices.Contains(arg.([]any), v) {
			return fmt.Sprintf("%s: %v is not one of %v", at, v, arg)
		}
	case "pattern":
		if isText && !regexp.MustCompile(arg.(string)).MatchString(text) {
			return fmt.Sprintf("%s: %q does not match %v", at, text, arg)
		}
	case "minimum":
		if n, ok := v.(int); ok && float64(n) < arg.(float64) {
			return fmt.Sprintf("%s: %d is too small", at, n)
		}
	case "minProperties":
		if isMap && float64(len(m)) < arg.(float64) {
			return at + ": too few"
		}
	case "maxProperties":
		if isMap && float64(len(m)) > arg.(float64) {
			return at + ": too many"
		}
	case "propertyNames":
		for name := range m {
			if wrong := s.valid(arg.(map[string]any), name, at+"."+name); wrong != "" {
				return wrong
			}
		}
	case "additionalProperties":
		return s.properties(node, m, at)
	case "items":
		for i, item := range list {
			if wrong := s.valid(arg.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
	case "not", "anyOf", "allOf":
		return s.combined(k, arg, v, at)
	default:
		return at + ": this validator does not know " + k
	}
	_ = isList
	return ""
}

// combined is keyword for those that combine other schemas.
func (s schema) combined(k string, arg, v any, at string) string {
	switch k {
	case "not":
		if s.valid(arg.(map[string]any), v, at) == "" {
			return at + ": not allowed"
		}
	case "anyOf":
		var all []string
		for _, sub := range arg.([]any) {
			wrong := s.valid(sub.(map[string]any), v, at)
			if wrong == "" {
				return ""
			}
			all = append(all, wrong)
		}
		return strings.Join(all, " and ")
	case "allOf":
		for _, sub := range arg.([]any) {
			if wrong := s.valid(sub.(map[string]any), v, at); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func (s schema) properties(node, m map[string]any, at string) string {
	known, _ := node["properties"].(map[string]any)
	patterns, _ := node["patternProperties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		sub, ok := known[name]
		for pattern, p := range patterns {
			if !ok && regexp.MustCompile(pattern).MatchString(name) {
				sub, ok = p, true
			}
		}
		if !ok {
			if sub = node["additionalProperties"]; sub == false {
				return at + ": unknown key " + name
			}
		}
		if wrong := s.valid(sub.(map[string]any), m[name], at+"."+name); wrong != "" {
			return wrong
		}
	}
	return ""
}

func isOf(name string, v any) bool {
	switch v.(type) {
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case int:
		return name == "integer" || name == "number"
	case float64:
		return name == "number"
	case nil:
		return name == "null"
	}
	return false
}

// judge validates a YAML document.
func (s schema) judge(t *testing.T, text string) string {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return s.valid(s.root, v, "")
}

func TestSchemaIsDeterministic(t *testing.T) {
	t.Parallel()
	a, err := spec.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if b, _ := spec.Schema(); !bytes.Equal(a, b) {
			t.Fatal("the schema changes from one call to the next")
		}
	}
	if s := loadSchema(t); s.root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("the draft is %v", s.root["$schema"])
	}
}

func TestSchemaHasEveryField(t *testing.T) {
	t.Parallel()
	defs := loadSchema(t).root["$defs"].(map[string]any)
	root := loadSchema(t).root["properties"].(map[string]any)
	places := map[spec.Place]string{spec.InContainer: "container", spec.InProfile: "profile",
		spec.InDefaults: "defaults", spec.InTemplate: "template", spec.InHost: "host",
		spec.InNetwork: "network", spec.InGroup: "group", spec.InPrepare: "prepare",
		spec.InPreparedBridge: "bridge"}
	for _, f := range spec.Fields() {
		for place, name := range places {
			properties := defs[name].(map[string]any)["properties"].(map[string]any)
			p, ok := properties[f.Key].(map[string]any)
			if want := f.In&place != 0; ok != want && !taken(f, place) {
				t.Errorf("%s in %s: in the schema %v, in the table %v", f.Key, name, ok, want)
			}
			if ok && (p["description"] == nil || p["description"] == "") {
				t.Errorf("%s in %s has no description for the editor", f.Key, name)
			}
		}
		if _, ok := root[f.Key]; !ok && f.In&spec.InRoot != 0 {
			t.Errorf("section %s is not in the schema", f.Key)
		}
	}
}

// taken reports whether another field of the same key stands at the place.
func taken(f spec.Field, place spec.Place) bool {
	return slices.ContainsFunc(spec.Fields(), func(o spec.Field) bool {
		return o.Key == f.Key && o.In&place != 0
	})
}

func TestSchemaAcceptsGoodTrees(t *testing.T) {
	t.Parallel()
	s := loadSchema(t)
	for _, text := range []string{
		string(sample(t)),
		layered,
		"targets: {h: {c: , d: {}}}",
		"hosts:\ntargets: {h: {}}",
		"makina-states.cloud.lxc.vms: {h: {c: {mode: salt, fstab: [a]}}}",
		`
networks:
  lxcbr1:
    cidr: 10.5.0.0/16
    gateway: 10.5.0.1
    range: 10.5.0.2-10.5.255.253
    exclude: [10.5.3.0/24]
defaults: {network: lxcbr1, from_container: base, users: [root]}
profiles: {web: {memory: 512M, autostart: true}}
templates: {base: {image: debian, options: {release: bookworm, flag: }}}
groups: {web: {hosts: [devhost10.local], canary: 1, max_parallel: 2, max_failures: 0}}
hosts:
  devhost10.local:
    connect: ssh://root@192.0.2.10
    lxcpath: /var/lib/lxc
    defaults: {backing: overlayfs}
    prepare:
      packages: [debootstrap]
      bridges: {lxcbr1: {address: 10.5.0.1/16, nat: yes, dhcp: 10.5.9.1-10.5.9.9}, plain: }
      subids: {root: 100000:65536}
      sysctl: {net.ipv4.ip_forward: 1}
      directories: {/srv/lxc: 0755}
      volume_group: lxc
targets:
  devhost10.local:
    mysupertest3.foo.com: {}
    gfoobar.test.com: {profile: small, profile_type: lvm, password: foobar, ip: 10.5.10.16}
    conf: {lxc_conf: [{lxc.a: 1}, {lxc.b: x}], cpushare: 5, netmask: 16, memory: 536870912}
    more:
      lxc_conf: {lxc.a: yes}
      recreate: allow
      backing: overlay
      autostart: yes
      protect: off
      drift: report
      windows: [daily 02:00-05:00, "sat,sun 00:00-24:00 Europe/Berlin"]`,
	} {
		if wrong := s.judge(t, text); wrong != "" {
			t.Errorf("an editor would mark a good tree: %s\n%s", wrong, text)
		}
	}
}

func TestSchemaMarksBadTrees(t *testing.T) {
	t.Parallel()
	s := loadSchema(t)
	for _, text := range []string{
		"target: {h: {}}",
		"targets: {h: }",
		"targets: {h: []}",
		"targets: {h: {c: {memmory: 1G}}}",
		"targets: {h: {c: {memory: lots}}}",
		"targets: {h: {c: {autostart: maybe}}}",
		"targets: {h: {c: {stopped: true}}}",
		"targets: {h: {c: {ip: 10.5.0.256}}}",
		"targets: {h: {c: {ip: 10.5.0.1/16}}}",
		"targets: {h: {c: {backing: aufs}}}",
		"targets: {h: {c: {recreate: yes}}}",
		"targets: {h: {c: {users: root}}}",
		"targets: {h: {c: {drift: mend}}}",
		"targets: {h: {c: {windows: daily 02:00-05:00}}}",
		"templates: {t: {drift: report}}",
		"targets: {h: {c: {lxc_conf: {cap.drop: x}}}}",
		"targets: {h: {c: {lxc_conf: [{lxc.a: 1, lxc.b: 2}]}}}",
		"targets: {h: {c: {options: [a]}}}",
		"targets.h: {c: {cpushare: x}}",
		"templates: {t: {memory: 1G}}",
		"defaults: {ip: 10.5.0.9}",
		"profiles: {p: {profile: q}}",
		"hosts: {h: {lxc_path: /x}}",
		"networks: {n: }",
		"networks: {n: {vlan: 3}}",
		"groups: {g: }",
		"groups: {g: {hosts: h}}",
		"groups: {g: {hosts: [h], canaries: 1}}",
		"groups: {g: {hosts: [h], canary: -1}}",
		"only: h",
	} {
		if s.judge(t, text) == "" {
			t.Errorf("an editor would not mark %s", text)
		}
	}
}

func TestFieldsAreComplete(t *testing.T) {
	t.Parallel()
	fields := spec.Fields()
	if len(fields) < 100 {
		t.Errorf("only %d fields", len(fields))
	}
	seen := map[string]spec.Place{}
	for i, f := range fields {
		if f.Key == "" || f.In == 0 || f.Kind == "" || f.Doc == "" || strings.HasSuffix(f.Doc, ".") {
			t.Errorf("the table says too little of %+v", f)
		}
		if seen[f.Key]&f.In != 0 {
			t.Errorf("%s stands twice in the table for one place", f.Key)
		}
		seen[f.Key] |= f.In
		switch f.Status {
		case spec.Rejected:
			if f.Hint == "" {
				t.Errorf("%s is rejected without a word about what to write", f.Key)
			}
		case spec.Later:
		case spec.Acted:
			if f.Hint != "" {
				t.Errorf("%s has a hint that is never shown", f.Key)
			}
		default:
			t.Errorf("%s has status %q", f.Key, f.Status)
		}
		setting := f.In&(spec.InContainer|spec.InProfile|spec.InDefaults) != 0 && f.In&spec.InHost == 0
		if acts := setting && f.Status == spec.Acted && f.Key != "name"; acts != (f.Class != "") {
			t.Errorf("%s has class %q", f.Key, f.Class)
		}
		if i > 0 && fields[i-1].Key > f.Key {
			t.Errorf("%s is not in order", f.Key)
		}
	}
}

func TestFieldsAreACopy(t *testing.T) {
	t.Parallel()
	for _, f := range spec.Fields() {
		for i := range f.Values {
			f.Values[i] = "changed"
		}
	}
	for _, f := range spec.Fields() {
		if slices.Contains(f.Values, "changed") {
			t.Fatal("a caller can change the table of fields")
		}
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	for class, keys := range map[spec.Class]string{
		spec.Live: "ip gateway netmask netmask_full memory cpuset cpushare autostart domains " +
			"running protect recreate drift windows",
		spec.Restart:  "network bridge mac lxc_conf lxc_conf_unset",
		spec.Recreate: "from_container image options backing snapshot size profile_type",
		spec.Once:     "password users dnsservers searchdomains",
		"":            "mode name stopped nonsense connect cidr",
	} {
		for key := range strings.FieldsSeq(keys) {
			if got := spec.ClassOf(key); got != class {
				t.Errorf("%s is %q, want %q: a change would do too much or too little", key, got, class)
			}
		}
	}
}
