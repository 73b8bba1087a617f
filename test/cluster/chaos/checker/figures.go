package main

import "sort"

// measure counts the operations of clients, and computes the shares in the report.
func measure(history []*Operation, report *Report) {
	ofName := make(map[string][]*Operation)
	refused := 0
	for _, op := range history {
		if op.Kind == kindFinal || op.Outcome == outcomeNothing {
			continue
		}
		report.Operations++
		for _, name := range op.names() {
			ofName[name] = append(ofName[name], op)
		}
		switch op.Outcome {
		case outcomeExists, outcomeConflict:
			refused++
		case outcomeUnknown:
			report.Unknown++
		}
	}
	overlapping := make(map[*Operation]bool)
	for _, operations := range ofName {
		markOverlapping(operations, overlapping)
	}
	if report.Operations > 0 {
		report.Overlapping = float64(len(overlapping)) / float64(report.Operations)
		report.Refused = float64(refused) / float64(report.Operations)
	}
}

func markOverlapping(operations []*Operation, overlapping map[*Operation]bool) {
	sort.Slice(operations, func(a, b int) bool { return operations[a].Call < operations[b].Call })
	lastReturn := int64(-1)
	for index, op := range operations {
		before := op.Call <= lastReturn
		after := index+1 < len(operations) && operations[index+1].Call <= op.Return
		if before || after {
			overlapping[op] = true
		}
		lastReturn = max(lastReturn, op.Return)
	}
}
