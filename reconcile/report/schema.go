package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"reconciler/spec"
)

// object is a piece of JSON; its keys come out sorted.
type object = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a PlanDocument, made from the type itself.
// Keys that it does not name are allowed: later minor versions add some, and codes likewise. The
// same program always returns the same bytes.
func Schema() []byte {
	definitions := object{}
	schemaOf(reflect.TypeFor[PlanDocument](), definitions)
	schema := definitions["PlanDocument"].(object)
	delete(definitions, "PlanDocument")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "plan of reconciler"
	schema["description"] = "what would be done to the containers of a tree, and why"
	schema["$defs"] = definitions
	// What was built here of maps and strings can be encoded.
	text, _ := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n')
}

// schemaOf returns the schema of a type; that of a struct goes to definitions.
func schemaOf(t reflect.Type, definitions object) object {
	if s, special := schemaOfKind(t); special {
		return s
	}
	switch t.Kind() {
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), definitions)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), definitions)}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Struct:
		if _, done := definitions[t.Name()]; !done {
			definitions[t.Name()] = object{}
			definitions[t.Name()] = schemaOfStruct(t, definitions)
		}
		return object{"$ref": "#/$defs/" + t.Name()}
	default:
		return object{"type": "string"}
	}
}

// schemaOfKind is the schema of types of which only some values occur.
func schemaOfKind(t reflect.Type) (object, bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}, true
	case reflect.TypeFor[Knowledge]():
		return object{"enum": []any{KnowFull, KnowRecorded, KnowDeclared}}, true
	case reflect.TypeFor[spec.Class]():
		return object{"enum": []any{"", spec.Live, spec.Restart, spec.Recreate, spec.Once}}, true
	}
	return nil, false
}

func schemaOfStruct(t reflect.Type, definitions object) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		s := schemaOf(f.Type, definitions)
		describe(s, t.Name()+"."+name)
		properties[name] = s
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// describe adds what the type does not tell.
func describe(s object, key string) {
	if text := descriptions()[key]; text != "" {
		s["description"] = text
	}
	switch key {
	case "PlanDocument.format_version":
		s["pattern"] = `^1\.[0-9]+$`
	case "PlanDocument.plan_id":
		s["pattern"] = "^[0-9a-f]{64}$"
	case "ResourceChange.actions":
		delete(s, "items")
		s["enum"] = []any{[]string{"create"}, []string{"update"}, []string{"delete"},
			[]string{"delete", "create"}, []string{"record"}, []string{"no-op"}}
	}
}

// descriptions explains keys by type and name. It is asked some eighty times, once a key.
func descriptions() map[string]string {
	return map[string]string{
		"PlanDocument.format_version": "a reader must refuse another major number, and not mind " +
			"another minor one",
		"PlanDocument.plan_id": "identity of what is done, blocked and held",
		"PlanDocument.knowledge": "compared with the hosts as they are now (full), as they were " +
			"last observed (recorded), or with another revision of the tree only (declared)",
		"PlanDocument.errored":          "a mistake keeps something from being done",
		"PlanDocument.meta":             "what the plan was made from",
		"PlanDocument.summary":          "containers by what becomes of them",
		"PlanDocument.prepare":          "what is done to hosts before their containers",
		"PlanDocument.containers":       "what becomes of each container, in one word",
		"PlanDocument.resource_changes": "what becomes of each container",
		"PlanDocument.resource_drift": "what was changed outside the tree: before is what the " +
			"tree says, after what the host has, actions what is done about it",
		"PlanDocument.steps":       "every action, in the order of the plan",
		"PlanDocument.blocked":     "what should be done and is not",
		"PlanDocument.held":        "what waits, and drift that is left as it is",
		"PlanDocument.rollouts":    "in what order the hosts of groups are changed",
		"PlanDocument.unmanaged":   "containers that are not ours; never touched",
		"PlanDocument.unreachable": "hosts of which nothing is known, not even that they fit",
		"PlanDocument.warnings":    "what is odd in the tree",
		"ResourceChange.reasons":   "codes; others may be added",
		"ResourceChange.before":    "of the fields that differ, without sensitive ones",
		"ResourceChange.after": "of the fields that differ, without sensitive ones and those " +
			"known only after the run",
		"ResourceChange.after_unknown":    "fields whose value is known only after the run",
		"ResourceChange.before_sensitive": "fields whose value is never shown",
		"ResourceChange.after_sensitive":  "fields whose value is never shown",
		"ResourceChange.needs":            "containers of the same host that come first",
		"HostChange.what": "such as package lxc, bridge lxcbr1 or sysctl " +
			"net.ipv4.ip_forward",
		"HostChange.old":       "how it is; without it, it is not there",
		"HostChange.new":       "how it shall be",
		"Step.rollout":         "group whose rollout it waits for",
		"Rollout.waves":        "one after the other",
		"Rollout.max_parallel": "hosts that are changed at once; 0: no limit",
		"Rollout.max_failures": "after one more failed host no further one begins",
		"Rollout.failed":       "hosts that count as failed before the first step",
		"Rollout.stopped":      "why the other hosts are held; without it, they are not",
		"Wave.kind":            "canary, again or rest; others may be added",
		"Step.reason":          "the code is for machines; others may be added",
		"Blocked.unblock":      "the flag or edit that lets it through",
		"Blocked.failed":       "a mistake to mend, not a guard",
		"Unreachable.in_use":   "nothing is wrong with the host: another run works on it",
	}
}
