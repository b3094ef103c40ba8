package config

// difference is what a new configuration changes, by dotted key.
type difference struct{ applied, restart []string }

func (d *difference) add(path string, restart bool) {
	if restart {
		d.restart = append(d.restart, path)
		return
	}
	d.applied = append(d.applied, path)
}

// Changed names the settings in which next differs from c, by dotted key and without their values: those
// that a reload applies, and those that need a restart.
func (c *Config) Changed(next *Config) (applied, restart []string) {
	var d difference
	record(settings).differ("", *c, *next, false, &d)
	return d.applied, d.restart
}
