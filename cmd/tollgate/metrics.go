package main

import (
	"github.com/prometheus/client_golang/prometheus"
)

// registerMetrics shows what the gate and the recorder count.
func (g *gateway) registerMetrics(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	_, _ = gauge, counter
}
