package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"reconciler/reconcile/plan"
)

// compiled is the published schema; closed also refuses keys that it does not name.
func compiled(t *testing.T, closed bool) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	if closed {
		closeObjects(document)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("plan.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, isObject := v["properties"].(map[string]any); isObject && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeObjects(x)
		}
	case []any:
		for _, x := range v {
			closeObjects(x)
		}
	}
}

func decoded(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheSchemaIsPublished(t *testing.T) {
	t.Parallel()
	golden(t, "plan.schema.json", func(w io.Writer) error {
		_, err := w.Write(Schema())
		return err
	})
}

func TestEveryPlanFitsTheSchema(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte("{\n  \"format_version\"")) &&
			bytes.Contains(text, []byte("\n  \"resource_changes\"")) {
			texts[name] = text
		}
	}
	if len(texts) < 10 {
		t.Fatalf("only %d plans were found", len(texts))
	}
	var large bytes.Buffer
	if err := JSON(&large, manyPlan(300), gitMeta()); err != nil {
		t.Fatal(err)
	}
	texts["300 containers"] = large.Bytes()
	open, closed := compiled(t, false), compiled(t, true)
	for name, text := range texts {
		v := decoded(t, text)
		if err := open.Validate(v); err != nil {
			t.Errorf("%s does not fit the schema that readers use: %v", name, err)
		}
		if err := closed.Validate(v); err != nil {
			t.Errorf("%s has keys that the schema does not tell of: %v", name, err)
		}
	}
}

func TestTheSchemaRefusesWhatIsNoPlan(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error { return JSON(b, fullPlan(), gitMeta()) })
	schema := compiled(t, false)
	for name, edit := range map[string][2]string{
		"another major version": {`"format_version": "1.3"`, `"format_version": "2.0"`},
		"an unknown action":     {`"delete"`, `"explode"`},
		"an unknown knowledge":  {`"knowledge": "full"`, `"knowledge": "guessed"`},
		"null for a list":       {`"needs": []`, `"needs": null`},
		"a number as text":      {`"unchanged": 7`, `"unchanged": "7"`},
		"a missing key":         {`"resource_drift"`, `"resource_drifts"`},
		"a shortened identity":  {`"plan_id": "`, `"plan_id": "x`},
	} {
		edited := strings.Replace(text, edit[0], edit[1], 1)
		if edited == text {
			t.Fatalf("%s: nothing to edit", name)
		}
		if schema.Validate(decoded(t, []byte(edited))) == nil {
			t.Errorf("%s passes for a plan", name)
		}
	}
	later := strings.Replace(text, `"format_version": "1.3"`,
		`"format_version": "1.9", "mood": "good"`, 1)
	if err := schema.Validate(decoded(t, []byte(later))); err != nil {
		t.Errorf("a later minor version is refused: %v", err)
	}
}

func TestTheMainKeysAreExplained(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for key, p := range schema.Properties {
		if p.Description == "" {
			t.Errorf("nobody learns what %s means", key)
		}
	}
	for key := range descriptions() {
		if name, _, _ := strings.Cut(key, "."); !bytes.Contains(Schema(), []byte(`"`+name+`"`)) &&
			name != "PlanDocument" {
			t.Errorf("%s is explained and does not exist", key)
		}
	}
}

func TestResourceChangesTellWhatBecomesOfContainers(t *testing.T) {
	t.Parallel()
	d := Document(fullPlan(), Meta{})
	byName := map[string]ResourceChange{}
	for _, r := range d.ResourceChanges {
		byName[r.Container] = r
	}
	for name, want := range map[string]string{
		"old.foo.com": "delete", "db.foo.com": "delete create", "web.foo.com": "update",
		"new.foo.com": "create", "noted.foo.com": "record", "lost.foo.com": "record",
		"base": "create", "drifted.foo.com": "update",
	} {
		if got := strings.Join(byName[name].Actions, " "); got != want {
			t.Errorf("a reader thinks that %s gets %q, want %q", name, got, want)
		}
	}
	web, born := byName["web.foo.com"], byName["new.foo.com"]
	if web.Before["memory"] != "536870912" || web.After["memory"] != "1073741824" ||
		web.Before["cpushare"] != "512" || web.After["cpuset"] != "0-3" {
		t.Errorf("values are lost: %+v", web)
	}
	if _, told := web.After["cpushare"]; told || !web.BeforeSensitive["password"] ||
		!web.AfterSensitive["password"] || web.Position != at(41) || web.Class != "live" {
		t.Errorf("the change of web is told as %+v", web)
	}
	if !born.AfterUnknown["mac"] || len(born.Before) != 0 || born.BeforeSensitive["password"] ||
		!born.AfterSensitive["password"] || len(born.Needs) != 1 || born.Reasons[0] != plan.Declared {
		t.Errorf("the creation is told as %+v", born)
	}
	if !byName["base"].Template || len(d.ResourceChanges) != 12 {
		t.Errorf("%d of 12 containers are told of", len(d.ResourceChanges))
	}
}

func TestDriftStandsApart(t *testing.T) {
	t.Parallel()
	d := Document(fullPlan(), Meta{})
	if len(d.ResourceDrift) != 2 {
		t.Fatalf("drift of %d containers, want 2", len(d.ResourceDrift))
	}
	mended, left := d.ResourceDrift[0], d.ResourceDrift[1]
	if mended.Container != "drifted.foo.com" || mended.Actions[0] != "update" ||
		mended.Before["mac"] != "00:16:3e:00:00:02" || mended.After["mac"] != "00:16:3e:00:00:01" {
		t.Errorf("what somebody changed on the host is told as %+v", mended)
	}
	if left.Container != "night.foo.com" || left.Actions[0] != "no-op" || left.Reasons[0] != "drift" {
		t.Errorf("drift that is left as it is is told as %+v", left)
	}
}
