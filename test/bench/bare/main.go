// Command bare is the least that a plugin built on cobra and cli-runtime is:
// kubectl's connection flags and a client. The start of the real plugin is
// measured beside it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
)

func main() {
	flags := genericclioptions.NewConfigFlags(true)
	cmd := &cobra.Command{
		Use: "bare",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := flags.ToRESTConfig()
			if err != nil {
				return err
			}
			client, err := dynamic.NewForConfig(config)
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%T\n", client)
			}
			return err
		},
	}
	flags.AddFlags(cmd.Flags())
	if err := cmd.Execute(); err != nil {
		os.Exit(1)
	}
}
