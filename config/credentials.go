package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What only some providers know what to do with.
var (
	aws       = []string{"bedrock", "bedrock-mantle"}
	google    = []string{"vertex"}
	regionID  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) // it becomes a part of a host's name
	projectID = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]*$`)
)

// checkCredentials looks for credentials that the provider can't be shown, or could choose among.
func (r *reader) checkCredentials(p Provider, path string, names Names) {
	id, key, session := p.AWSAccessKeyID != "", p.AWSSecretAccessKey != "", p.AWSSessionToken != ""
	known := slices.Contains(names.Providers, p.API)
	switch {
	case r.broken(join(path, "aws_access_key_id")) || r.broken(join(path, "aws_secret_access_key")):
	case id != key, session && !id:
		r.wrong(path, "needs aws_access_key_id and aws_secret_access_key together")
	case id && known && !slices.Contains(aws, p.API):
		r.wrong(join(path, "aws_access_key_id"), "is for bedrock and bedrock-mantle; %s takes api_key", p.API)
	case id && p.APIKey != "":
		r.wrong(join(path, "aws_access_key_id"), "api_key is there too; a request is sent with one of them")
	}
	switch {
	case p.CredentialsFile == "":
	case known && !slices.Contains(google, p.API):
		r.wrong(join(path, "credentials_file"), "is for vertex; %s takes api_key", p.API)
	case p.APIKey != "":
		r.wrong(join(path, "credentials_file"), "api_key is there too; a request is sent with one of them")
	default:
		r.files = append(r.files, p.CredentialsFile)
		if _, err := readRegular(p.CredentialsFile); err != nil {
			r.wrong(join(path, "credentials_file"), "can't be read: %v", err)
		}
	}
	if p.Region != "" && slices.Contains(regional, p.API) && !regionID.MatchString(p.Region) {
		r.wrong(join(path, "region"), "is not a region, like us-east-1")
	}
	if p.Project != "" && slices.Contains(google, p.API) && !projectID.MatchString(p.Project) {
		r.wrong(join(path, "project"), "is not a project's id or number")
	}
	r.checkSecrets(p, path)
}

// checkSecrets refuses what no header could carry.
func (r *reader) checkSecrets(p Provider, path string) {
	r.checkSecret(join(path, "api_key"), p.APIKey)
	r.checkSecret(join(path, "aws_access_key_id"), p.AWSAccessKeyID)
	r.checkSecret(join(path, "aws_secret_access_key"), p.AWSSecretAccessKey)
	r.checkSecret(join(path, "aws_session_token"), p.AWSSessionToken)
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		if err := headerValue(p.Headers[name].Reveal()); err != nil {
			r.wrong(join(join(path, "headers"), name), "%v", err)
		}
	}
}

func headerValue(s string) error {
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return errors.New("has a line break or another control character, which a header can't have")
	}
	return nil
}

// idle tells settings that the provider has no use for.
func idle(p Provider) (settings []string) {
	if p.Region != "" && !slices.Contains(regional, p.API) {
		settings = append(settings, "region")
	}
	if p.Project != "" && !slices.Contains(google, p.API) {
		settings = append(settings, "project")
	}
	return settings
}
