// Renders a Helm chart as `helm template` does, by the same engine (text/template with sprig) from Debian's packages, for
// machines without helm. It knows what charts commonly use: include, required, toYaml, .Values, .Chart and .Release.
// Usage: render CHART RELEASE [VALUES.yaml...]
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(path string) map[string]interface{} {
	text, err := os.ReadFile(path)
	fail(err)
	values := map[string]interface{}{}
	fail(yaml.Unmarshal(text, &values))
	return values
}

// What stands in more replaces what stands in values, map by map.
func merge(values, more map[string]interface{}) {
	for name, value := range more {
		old, isMap := values[name].(map[string]interface{})
		if new, isAlso := value.(map[string]interface{}); isMap && isAlso {
			merge(old, new)
		} else {
			values[name] = value
		}
	}
}

func functions(all *template.Template) template.FuncMap {
	names := sprig.TxtFuncMap()
	delete(names, "env")
	delete(names, "expandenv")
	names["include"] = func(name string, data interface{}) (string, error) {
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	names["required"] = func(complaint string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(complaint)
		}
		return value, nil
	}
	names["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		fail(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	return names
}

func main() {
	chart, release := os.Args[1], os.Args[2]
	values := load(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[3:] {
		merge(values, load(path))
	}
	about := load(filepath.Join(chart, "Chart.yaml"))
	data := map[string]interface{}{
		"Values":  values,
		"Release": map[string]interface{}{"Name": release, "Namespace": "default", "Service": "Helm"},
		"Chart":   map[string]interface{}{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
	}
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	fail(err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		fail(err)
		_, err = all.New(filepath.Base(path)).Parse(string(text))
		fail(err)
	}
	for _, path := range paths {
		if name := filepath.Base(path); strings.HasSuffix(name, ".yaml") {
			var text strings.Builder
			fail(all.ExecuteTemplate(&text, name, data))
			fmt.Printf("---\n# Source: %s\n%s\n", name, text.String())
		}
	}
}
