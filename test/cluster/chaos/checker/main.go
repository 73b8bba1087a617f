// Checks that a history of a vault is linearizable: there must be an instant for each operation,
// between its call and its return, such that every reply is right if the operations take effect at
// those instants.
//
//	checker [-timeout 2m] [-folder FOLDER] HISTORY
//
// HISTORY has one operation on each line, see history.go. The program prints a report as JSON. It
// exits with 0 only if the verdict is Ok; a history that is not decided in time is a failure.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

func main() {
	var options Options
	flag.DurationVar(&options.Timeout, "timeout", 2*time.Minute, "how long it may take")
	flag.StringVar(&options.Folder, "folder", "", "where a picture of what is not linearizable is written")
	flag.Parse()
	report, err := checkFile(flag.Arg(0), options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	printed, _ := json.MarshalIndent(report, "", "  ")
	fmt.Println(string(printed))
	if report.Verdict != string(porcupine.Ok) {
		os.Exit(1)
	}
}

func checkFile(name string, options Options) (Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return Report{}, err
	}
	defer file.Close()
	history, err := readHistory(file)
	if err != nil {
		return Report{}, err
	}
	return check(history, options), nil
}
