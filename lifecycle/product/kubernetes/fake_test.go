package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fake is an API server as far as the driver needs one: secrets with server-side apply,
// merge patches, optimistic locking and managers of fields, roles, and access reviews. The
// same tests run against it and against a real one, which keeps it honest.
type fake struct {
	mu      sync.Mutex
	version int
	secrets map[string]object // by namespace/name
	others  map[string][]any  // by path: namespaces, ingresses
	rules   map[string][]rule // by namespace
}

type object = map[string]any

type rule struct{ Resources, ResourceNames, Verbs []string }

const (
	adminToken = "admin-token"
	ownToken   = "cq-token"
)

func newFake(t *testing.T) (*fake, *httptest.Server) {
	f := &fake{secrets: map[string]object{}, others: map[string][]any{}, rules: map[string][]rule{}}
	s := httptest.NewUnstartedServer(f)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return f, s
}

// answer is a status with an object.
type answer struct {
	status int
	body   any
}

func refuse(status int, reason, message string, causes ...string) answer {
	list := []object{}
	for _, c := range causes {
		list = append(list, object{"reason": c})
	}
	return answer{status, object{"kind": "Status", "reason": reason, "message": message, "details": object{"causes": list}}}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a := f.answer(r, body, r.Header.Get("Authorization") == "Bearer "+adminToken)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func (f *fake) answer(r *http.Request, body []byte, admin bool) answer {
	if r.Header.Get("Authorization") != "Bearer "+ownToken && !admin {
		return refuse(401, "Unauthorized", "Unauthorized")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var in object
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return refuse(400, "BadRequest", "no JSON")
	}
	namespace, kind, name := "", parts[len(parts)-1], ""
	if n := slices.Index(parts, "namespaces"); n >= 0 && n+2 < len(parts) {
		namespace, kind = parts[n+1], parts[n+2]
		if n+3 < len(parts) {
			name = parts[n+3]
		}
	}
	switch {
	case kind == "selfsubjectaccessreviews":
		a := in["spec"].(object)["resourceAttributes"].(object)
		ok := f.allowed(a["namespace"].(string), "secrets", a["name"].(string), a["verb"].(string))
		return answer{201, object{"status": object{"allowed": ok}}}
	case kind == "secrets":
		if namespace != "" && len(f.others["/api/v1/namespaces/"+namespace]) == 0 {
			return refuse(404, "NotFound", "namespaces \""+namespace+"\" not found")
		}
		return f.secret(r, namespace, name, in, admin)
	case kind == "roles" && admin:
		f.rules[namespace] = append(f.rules[namespace], decode[struct{ Rules []rule }](body).Rules...)
		return answer{201, in}
	case admin && r.Method == http.MethodPost:
		name := in["metadata"].(object)["name"].(string)
		if namespace != "" {
			in["metadata"].(object)["namespace"] = namespace
		}
		f.others[r.URL.Path] = append(f.others[r.URL.Path], in)
		f.others[r.URL.Path+"/"+name] = []any{in}
		return answer{201, in}
	}
	if !admin && !f.allowed(namespace, kind, name, "list") {
		return refuse(403, "Forbidden", "forbidden")
	}
	found, ok := f.others[r.URL.Path]
	if !ok {
		return refuse(404, "NotFound", "not found")
	}
	return answer{200, object{"items": found}}
}

func decode[T any](b []byte) (v T) {
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	return v
}

func (f *fake) allowed(namespace, kind, name, verb string) bool {
	return slices.ContainsFunc(f.rules[namespace], func(r rule) bool {
		return slices.Contains(r.Resources, kind) && slices.Contains(r.Verbs, verb) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
	})
}

func (f *fake) secret(r *http.Request, namespace, name string, in object, admin bool) answer {
	verb := map[string]string{"GET": "get", "PATCH": "patch", "DELETE": "delete", "POST": "create"}[r.Method]
	if name == "" && verb == "get" {
		verb = "list"
	}
	key := namespace + "/" + name
	live, there := f.secrets[key]
	may := func(verb string) bool { return admin || f.allowed(namespace, "secrets", name, verb) }
	apply := r.Header.Get("Content-Type") == "application/apply-patch+yaml"
	if !may(verb) || apply && !there && !may("create") {
		return refuse(403, "Forbidden", fmt.Sprintf("secrets %q is forbidden: User \"certquay\" cannot %s", name, verb))
	}
	if name != "" && !there && !apply {
		return refuse(404, "NotFound", fmt.Sprintf("secrets %q not found", name))
	}
	dry := r.URL.Query().Get("dryRun") == "All"
	switch verb {
	case "get":
		return answer{200, live}
	case "list":
		return f.list(r, namespace)
	case "create":
		return f.write(namespace+"/"+in["metadata"].(object)["name"].(string), nil, in, "Update", "admin", dry)
	case "delete":
		p, _ := in["preconditions"].(object)
		m := live["metadata"].(object)
		if p != nil && (p["uid"] != m["uid"] || p["resourceVersion"] != m["resourceVersion"]) {
			return refuse(409, "Conflict", "precondition failed")
		}
		delete(f.secrets, key)
		return answer{200, object{"kind": "Status", "status": "Success"}}
	}
	given, _ := in["metadata"].(object)
	if v, ok := given["resourceVersion"]; ok && (!there || v != live["metadata"].(object)["resourceVersion"]) {
		return refuse(409, "Conflict", "the object has been modified")
	}
	who := r.URL.Query().Get("fieldManager")
	if apply {
		return f.apply(key, live, in, who, r.URL.Query().Get("force") == "true", dry)
	}
	next := clone(live)
	merge(next, in)
	return f.write(key, live, next, "Update", who, dry)
}

func (f *fake) list(r *http.Request, namespace string) answer {
	keys := slices.Sorted(maps.Keys(f.secrets))
	if namespace != "" {
		keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, namespace+"/") })
	}
	items := []any{}
	start, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	next := ""
	for n, k := range keys[start:] {
		if n == 2 { // pages are short
			next = strconv.Itoa(start + n)
			break
		}
		if r.URL.Query().Get("fieldSelector") == "" || f.secrets[k]["type"] == "kubernetes.io/tls" {
			items = append(items, f.secrets[k])
		}
	}
	return answer{200, object{"metadata": object{"continue": next}, "items": items}}
}

// apply is a server-side apply: fields of others that differ are conflicts.
func (f *fake) apply(key string, live, in object, who string, force, dry bool) answer {
	next := object{"metadata": object{}}
	if live != nil {
		next = clone(live)
	}
	delete(in["metadata"].(object), "resourceVersion")
	mine := flat(in)
	if live != nil && !force {
		for path, v := range mine {
			now, there := flat(live)[path]
			for _, h := range managers(live) {
				if there && now != v && h["manager"] != who && owns(h, path) {
					return refuse(
						409,
						"Conflict",
						fmt.Sprintf("Apply failed with 1 conflict: conflict with %q", h["manager"]),
						"FieldManagerConflict",
					)
				}
			}
		}
	}
	merge(next, in)
	for _, h := range managers(live) { // what it applied before and no longer does
		if h["manager"] == who && h["operation"] == "Apply" {
			for path := range flat(live) {
				if _, still := mine[path]; !still && owns(h, path) && strings.HasPrefix(path, "metadata.labels.") {
					delete(next["metadata"].(object)["labels"].(object), strings.TrimPrefix(path, "metadata.labels."))
				}
			}
		}
	}
	return f.write(key, live, next, "Apply", who, dry, mine)
}

// write stores an object. The manager holds what differs from the live one, or what it
// applied.
func (f *fake) write(key string, live, next object, op, who string, dry bool, applied ...map[string]any) answer {
	meta := next["metadata"].(object)
	if labels, ok := meta["labels"].(object); ok && len(labels) == 0 {
		delete(meta, "labels")
	}
	for _, k := range []string{"tls.crt", "tls.key"} {
		if _, ok := next["data"].(object)[k]; !ok && next["type"] == "kubernetes.io/tls" {
			return refuse(422, "Invalid", "data["+k+"]: Required value")
		}
	}
	if live != nil && live["type"] != next["type"] {
		return refuse(422, "Invalid", "type: field is immutable")
	}
	if live != nil && live["immutable"] == true && !same(live["data"], next["data"]) {
		return refuse(422, "Invalid", "data: field is immutable when `immutable` is set")
	}
	if live == nil {
		namespace, name, _ := strings.Cut(key, "/")
		meta["namespace"], meta["name"] = namespace, name
		next["apiVersion"], next["kind"] = "v1", "Secret"
		f.version++
		meta["uid"] = "uid-" + strconv.Itoa(f.version)
	}
	changed := object{}
	for path, v := range flat(next) {
		if was, ok := flat(live)[path]; !ok || was != v {
			changed[path] = v
		}
	}
	for _, fields := range applied {
		changed = fields
	}
	if given, _ := meta["managedFields"].([]any); len(changed) > 0 || len(given) == 0 {
		list := []any{}
		for _, h := range managers(next) {
			if h["manager"] == who && h["operation"] == op && op == "Apply" {
				continue
			}
			fields := h["fieldsV1"].(object)
			for path, v := range changed {
				if was, ok := flat(live)[path]; ok && was != v {
					disown(fields, path)
				}
			}
			if len(fields) > 0 {
				list = append(list, h)
			}
		}
		fields := object{}
		for path := range changed {
			own(fields, path)
		}
		if len(fields) > 0 {
			list = append(list, object{"manager": who, "operation": op, "fieldsV1": fields})
		}
		meta["managedFields"] = list
	}
	if live == nil || !same(live, next) {
		f.version++
		meta["resourceVersion"] = strconv.Itoa(f.version)
	}
	if !dry {
		f.secrets[key] = clone(next)
	}
	return answer{200, next}
}

func managers(o object) (all []object) {
	if o == nil {
		return nil
	}
	list, _ := o["metadata"].(object)["managedFields"].([]any)
	for _, h := range list {
		if h := h.(object); h["manager"] != nil {
			all = append(all, clone(h))
		}
	}
	return all
}

// flat are the fields that have managers, by path.
func flat(o object) map[string]any {
	all := map[string]any{}
	if o == nil {
		return all
	}
	data, _ := o["data"].(object)
	for k, v := range data {
		all["data."+k] = v
	}
	labels, _ := o["metadata"].(object)["labels"].(object)
	for k, v := range labels {
		all["metadata.labels."+k] = v
	}
	return all
}

func group(path string) (parent, child string) {
	if k, ok := strings.CutPrefix(path, "data."); ok {
		return "f:data", "f:" + k
	}
	return "f:labels", "f:" + strings.TrimPrefix(path, "metadata.labels.")
}

func owns(h object, path string) bool {
	parent, child := group(path)
	fields, _ := h["fieldsV1"].(object)[parent].(object)
	_, ok := fields[child]
	return ok
}

func own(fields object, path string) {
	parent, child := group(path)
	if fields[parent] == nil {
		fields[parent] = object{}
	}
	fields[parent].(object)[child] = object{}
}

func disown(fields object, path string) {
	parent, child := group(path)
	if g, ok := fields[parent].(object); ok {
		if delete(g, child); len(g) == 0 {
			delete(fields, parent)
		}
	}
}

// merge is RFC 7396.
func merge(into, from object) {
	for k, v := range from {
		sub, isObject := v.(object)
		switch {
		case v == nil:
			delete(into, k)
		case isObject:
			if _, ok := into[k].(object); !ok {
				into[k] = object{}
			}
			if merge(into[k].(object), sub); len(into[k].(object)) == 0 {
				delete(into, k)
			}
		default:
			into[k] = v
		}
	}
}

func clone(o object) object {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return decode[object](b)
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}
