package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/alecthomas/kong"
)

// tokenFile is where a gateway that was given no admin token keeps the one it made, with the default data_dir.
const tokenFile = "data/admin.token"

// answerBytesMax bounds what a command holds of an answer. Streamed ones are not held.
const answerBytesMax = 64 << 20

// Client is the admin API as the commands call it. Commands embed it; its flags are theirs.
type Client struct {
	AdminURL string `name:"admin-url" env:"TOLLGATE_ADMIN_URL" default:"http://127.0.0.1:9090" placeholder:"URL" help:"Where the admin API listens."`
	JSON     bool   `name:"json" help:"Print the API's own JSON instead of a table."`
	// AdminToken comes from TOLLGATE_ADMIN_TOKEN, else from data/admin.token: never from a flag, which others could
	// see in the list of processes.
	AdminToken string `kong:"-"`
	// Out takes what was asked for, Hints what a person may want to know beside it.
	Out   io.Writer `kong:"-"`
	Hints io.Writer `kong:"-"`
}

// AfterApply finds the token and hands the client to the command that was chosen.
func (c *Client) AfterApply(k *kong.Context) error {
	c.Out, c.Hints = k.Stdout, k.Stderr
	token, err := adminToken()
	if err != nil {
		return err
	}
	c.AdminToken = token
	k.Bind(c)
	return nil
}

// Help stands under the help of every command that calls the admin API.
func (*Client) Help() string {
	return "The admin token is read from TOLLGATE_ADMIN_TOKEN, else from " + tokenFile + "."
}

func adminToken() (string, error) {
	if token := os.Getenv("TOLLGATE_ADMIN_TOKEN"); token != "" {
		return token, nil
	}
	kept, err := os.ReadFile(tokenFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read admin token: %w", err)
	}
	return strings.TrimSpace(string(kept)), nil
}

// refusal is an error that the admin API answered.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

func (r *refusal) Error() string {
	if r.Field == "" {
		return fmt.Sprintf("%s (%s)", r.Message, r.Code)
	}
	return fmt.Sprintf("%s (%s: %s)", r.Message, r.Code, r.Field)
}

// resource is a path of the API; its parts are escaped.
func resource(parts ...string) string {
	path := "/api/v1"
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// send makes one call. The caller closes the body of a response, which is always one that went well.
func (c *Client) send(method, path string, query url.Values, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	target := strings.TrimSuffix(c.AdminURL, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequest(method, target, payload)
	if err != nil {
		return nil, fmt.Errorf("admin API %s: %w", c.AdminURL, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.AdminToken)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, fmt.Errorf("admin API %s: %w", c.AdminURL, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, c.refused(res)
}

// refused reads the error of an answer.
func (c *Client) refused(res *http.Response) error {
	var answer struct {
		Error *refusal `json:"error"`
	}
	err := json.NewDecoder(io.LimitReader(res.Body, answerBytesMax)).Decode(&answer)
	if err != nil || answer.Error == nil || answer.Error.Code == "" {
		return fmt.Errorf("admin API %s: status %d, not an answer of Tollgate's admin API", c.AdminURL, res.StatusCode)
	}
	if res.StatusCode == http.StatusUnauthorized && c.AdminToken == "" {
		answer.Error.Message = "set TOLLGATE_ADMIN_TOKEN, or run this where " + tokenFile + " is"
	}
	return answer.Error
}

// call makes one call and reads its answer whole.
func (c *Client) call(method, path string, query url.Values, body any) ([]byte, error) {
	res, err := c.send(method, path, query, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerBytesMax))
	if err != nil {
		return nil, fmt.Errorf("admin API %s: %w", c.AdminURL, err)
	}
	return text, nil
}

// one makes a call about one thing and shows the answer: as it came with --json, else as show prints it.
func one[T any](c *Client, method, path string, body any, show func(T) [][2]string) error {
	text, err := c.call(method, path, nil, body)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := c.Out.Write(text)
		return err
	}
	var thing T
	if err := json.Unmarshal(text, &thing); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	t := newTable(c.Out)
	for _, line := range show(thing) {
		t.row(line[0], line[1])
	}
	return t.Flush()
}

// paging are the flags of commands that list.
type paging struct {
	Limit  int    `default:"100" help:"At most this many, 1 to 1000."`
	Cursor string `help:"Go on where a list ended."`
}

// many shows one page of a list: as it came with --json, else as a table.
func many[T any](c *Client, path string, query url.Values, p paging, columns []string, row func(T) []string) error {
	query.Set("limit", strconv.Itoa(p.Limit))
	if p.Cursor != "" {
		query.Set("cursor", p.Cursor)
	}
	text, err := c.call(http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := c.Out.Write(text)
		return err
	}
	var page struct {
		Data       []T     `json:"data"`
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	t := newTable(c.Out)
	t.row(columns...)
	for _, thing := range page.Data {
		t.row(row(thing)...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if page.NextCursor != nil {
		fmt.Fprintf(c.Hints, "there are more: --cursor %s\n", *page.NextCursor)
	}
	return nil
}

// table prints columns under each other.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row prints one line; what is empty shows as a dash.
func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = cmp.Or(strings.Map(printable, cell), "-")
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

// printable keeps what others have written from steering the terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// members is a JSON object that holds what was given.
type members map[string]any

// set adds a member if the flag was given.
func set[T any](m members, name string, flag *T) {
	if flag != nil {
		m[name] = *flag
	}
}

// quota is a flag that takes a number, or none for no number.
type quota struct{ Number *int64 }

func (q *quota) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		q.Number = nil
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("must be a whole number or none, not %q", text)
	}
	q.Number = &n
	return nil
}

func (q quota) MarshalJSON() ([]byte, error) { return json.Marshal(q.Number) }

// texts is a flag that takes a list, separated by commas; an empty one is an empty list.
type texts []string

func (t *texts) UnmarshalText(text []byte) error {
	*t = texts{}
	for item := range strings.SplitSeq(string(text), ",") {
		if item = strings.TrimSpace(item); item != "" {
			*t = append(*t, item)
		}
	}
	return nil
}

// moment is a flag that takes an instant, or none.
type moment string

func (m moment) MarshalJSON() ([]byte, error) {
	if m == "none" {
		return []byte("null"), nil
	}
	return json.Marshal(string(m))
}

// given copies the filters that are not empty into a query.
func given(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// shown is a pointer's value, or a dash.
func shown[T any](p *T) string {
	if p == nil {
		return "-"
	}
	if at, ok := any(*p).(time.Time); ok {
		return at.Format(time.RFC3339)
	}
	return fmt.Sprint(*p)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
