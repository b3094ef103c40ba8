package admin

// Calls are all that the plane serves beside the dashboard's files, as "GET /path"; guarded: those that want a token.
func (h *Handler) Calls() (guarded, open []string) {
	return callsOf(h.guardedCalls()), callsOf(h.openCalls())
}

func callsOf(table map[string]methods) (calls []string) {
	for pattern, m := range table {
		for method := range m {
			calls = append(calls, method+" "+pattern)
		}
	}
	return calls
}
