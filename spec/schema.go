package spec

import (
	"encoding/json"
	"regexp"
	"strings"
)

// object is a piece of JSON; its keys come out sorted.
type object = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a tree, made from the same table of fields
// that the parser reads by. It describes the form of one file: what several keys or files mean
// together is only known to Parse. The same program always returns the same bytes.
func Schema() ([]byte, error) {
	var prefixes []string
	for _, p := range targetPrefixes() {
		prefixes = append(prefixes, regexp.QuoteMeta(p))
	}
	sections := schemaProperties(table.root, InRoot)
	for _, p := range targetPrefixes() {
		sections[p] = named("target")
	}
	sections["sops"] = object{"type": "object", "description": "written by SOPS, not by hand"}
	return json.MarshalIndent(object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "tree of reconciler",
		"description": "which LXC containers shall exist on which host, and how",
		"type":        "object",
		"properties":  sections,
		"patternProperties": object{
			"^(" + strings.Join(prefixes, "|") + `)\..+$`: ref("target")},
		"additionalProperties": false,
		"$defs": object{
			"target":    named("container"),
			"container": schemaOf(table.settings, InContainer, []string{"object", "null"}),
			"profile":   schemaOf(table.settings, InProfile, []string{"object", "null"}),
			"defaults":  schemaOf(table.settings, InDefaults, []string{"object", "null"}),
			"template":  schemaOf(table.settings, InTemplate, []string{"object", "null"}),
			"host":      schemaOf(table.hosts, InHost, []string{"object", "null"}),
			"network":   schemaOf(table.networks, InNetwork, []string{"object"}),
			"group":     schemaOf(table.groups, InGroup, []string{"object"}),
			"prepare":   schemaOf(table.prepare, InPrepare, []string{"object"}),
			"bridge":    schemaOf(table.bridges, InPreparedBridge, []string{"object", "null"}),
			"text":      object{"type": []string{"string", "number", "boolean"}},
		},
	}, "", "  ")
}

// schemaOf is the schema of a mapping with the keys of one place.
func schemaOf(index map[string]*field, in Place, types []string) object {
	return object{"type": types, "properties": schemaProperties(index, in),
		"additionalProperties": false}
}

func schemaProperties(index map[string]*field, in Place) object {
	out := object{}
	for k, f := range index {
		if f.In&in != 0 {
			out[k] = schemaField(f)
		}
	}
	return out
}

// schemaField is the schema of one value.
func schemaField(f *field) object {
	s := schemaKind(f)
	if len(f.Values) > 0 {
		s = object{"enum": f.Values}
	}
	doc := f.Doc
	switch f.Status {
	case Rejected:
		s = object{"not": object{}}
	case Later:
		doc += " (" + string(Later) + ")"
	}
	if f.Class != "" {
		doc += " [" + string(f.Class) + "]"
	}
	s["description"] = doc
	if f.Default != "" {
		s["description"] = doc + "; without it: " + f.Default
	}
	return s
}

func schemaKind(f *field) object {
	const byte255 = `(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	switch f.Kind {
	case KindText:
		return ref("text")
	case KindBool:
		return object{"enum": []any{true, false, "yes", "no", "on", "off"}}
	case KindInt:
		return object{"type": "integer", "minimum": 0}
	case KindSize:
		return object{"type": []string{"string", "integer"},
			"pattern": `^\d+ *([kKmMgGtTpP]([iI]?[bB])?|[bB])?$`, "minimum": 0}
	case KindAddress:
		return object{"type": "string", "pattern": `^(` + byte255 + `\.){3}` + byte255 + `$`}
	case KindList:
		return object{"type": []string{"array", "null"}, "items": ref("text")}
	case KindMap:
		return object{"type": []string{"object", "null"},
			"additionalProperties": object{"anyOf": []any{ref("text"), object{"type": "null"}}}}
	case KindConf:
		lines := object{"type": "object", "propertyNames": object{"pattern": `^lxc\.`},
			"additionalProperties": ref("text")}
		one := object{"allOf": []any{lines, object{"minProperties": 1, "maxProperties": 1}}}
		return object{"anyOf": []any{object{"type": "null"}, lines,
			object{"type": "array", "items": one}}}
	case KindSection:
		return schemaSection(f)
	}
	return object{}
}

// schemaSection is the schema of a map of named entries, or of one section with fixed keys.
func schemaSection(f *field) object {
	switch f.Key {
	case "targets":
		return named("target")
	case "defaults", "prepare":
		return ref(f.Key)
	}
	return named(strings.TrimSuffix(f.Key, "s"))
}

// named is a map of entries whose names are free.
func named(entry string) object {
	types := []string{"object", "null"}
	if entry == "container" { // targets.HOST without a value is a mistake
		types = types[:1]
	}
	return object{"type": types, "additionalProperties": ref(entry)}
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }
