package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// member is a data pod of cluster c as a test writes it: NAME[=ROLE][@SHARD].
func member(text string) iris.Pod {
	text, shard, _ := strings.Cut(text, "@")
	name, role, _ := strings.Cut(text, "=")
	pod := podOf("c", "c-"+name)
	pod.UID = types.UID(name)
	pod.Labels[iris.LabelComponent] = iris.ComponentData
	if role != "" {
		pod.Labels[iris.LabelMirrorRole] = role
	}
	if shard != "" {
		pod.Labels[iris.LabelShard] = shard
	}
	return pod
}

func members(texts ...string) []iris.Pod {
	var pods []iris.Pod
	for _, text := range texts {
		pods = append(pods, member(text))
	}
	return pods
}

// modelOf returns a cluster that was read, or only its pods if of is nil.
func modelOf(of *iris.Cluster, answers cluster.Answers, pods ...iris.Pod) *cluster.Cluster {
	f := cluster.Facts{Resource: iris.Cluster{Namespace: "prod", Name: "c"}, Pods: pods, Answers: answers}
	if of != nil {
		f.Resource, f.Read = *of, true
		f.Resource.Namespace, f.Resource.Name = "prod", "c"
	}
	return cluster.New(f)
}

// The IrisCluster says whether the data node is mirrored, else a role label,
// else IRIS, else the names of the pods.
func TestIsMirrored(t *testing.T) {
	outside, inside := qlist(upSince, "", ""), qlist(upSince, "Failover", "Backup")
	for name, test := range map[string]struct {
		of       *iris.Cluster
		pods     []iris.Pod
		answers  cluster.Answers
		want     iris.Fact
		evidence cluster.Evidence
	}{
		"the IrisCluster says so":                      {&iris.Cluster{Mirrored: true}, nil, nil, iris.Yes, cluster.ByResource},
		"the IrisCluster denies it, whatever pods say": {&iris.Cluster{}, members("data-0-0=primary"), cluster.Answers{"data-0-0": inside}, iris.No, cluster.ByResource},
		"a role label":                                 {nil, members("data-0", "data-1=backup"), nil, iris.Yes, cluster.ByRoleLabel},
		"a role label before IRIS":                     {nil, members("data-0=primary"), cluster.Answers{"data-0": outside}, iris.Yes, cluster.ByRoleLabel},
		"another role label":                           {nil, members("data-2=dr"), nil, iris.Yes, cluster.ByRoleLabel},
		"qlist of one member":                          {nil, members("data-0", "data-1"), cluster.Answers{"data-1": inside}, iris.Yes, cluster.ByAnswer},
		"the metrics of one member":                    {nil, members("data-0", "data-1"), cluster.Answers{"data-1": metrics(5, 6)}, iris.Yes, cluster.ByAnswer},
		"a member that is stopped":                     {nil, members("data-0"), cluster.Answers{"data-0": qlist("down, last used Tue", "Failover", "")}, iris.Yes, cluster.ByAnswer},
		"the names of pods, as without any label":      {nil, members("data-0-0", "data-0-1"), nil, iris.Yes, cluster.ByNameOfPods},
		"the names of pods, silent":                    {nil, members("data-0-0", "data-0-1"), cluster.Answers{"data-0-0": {}}, iris.Yes, cluster.ByNameOfPods},
		"names of a mirror that is being set up":       {nil, members("data-0-0"), cluster.Answers{"data-0-0": outside}, iris.Yes, cluster.ByNameOfPods},
		"all are in no mirror":                         {nil, members("data-0", "data-1"), cluster.Answers{"data-0": outside, "data-1": metrics(2, 1)}, iris.No, cluster.ByAnswer},
		"one is in no mirror, one is silent":           {nil, members("data-0", "data-1"), cluster.Answers{"data-0": outside}, iris.Unknown, cluster.NoEvidence},
		"one is in no mirror, one is down":             {nil, members("data-0", "data-1"), cluster.Answers{"data-0": outside, "data-1": qlistLine("A^/a^1^down")}, iris.Unknown, cluster.NoEvidence},
		"one starts":                                   {nil, members("data-0"), cluster.Answers{"data-0": qlist("sign-on inhibited", "", "")}, iris.Unknown, cluster.NoEvidence},
		"the page alone":                               {nil, members("data-0"), cluster.Answers{"data-0": page(false)}, iris.Unknown, cluster.NoEvidence},
		"nothing is known":                             {nil, members("data-0", "data-1"), nil, iris.Unknown, cluster.NoEvidence},
		"no pods":                                      {nil, nil, nil, iris.Unknown, cluster.NoEvidence},
		"pods of other components only":                {nil, []iris.Pod{podOf("c", "c-data-0-0")}, nil, iris.Unknown, cluster.NoEvidence},
	} {
		t.Run(name, func(t *testing.T) {
			c := modelOf(test.of, test.answers, test.pods...)
			if c.Mirrored != test.want || c.Evidence != test.evidence {
				t.Errorf("%s by %q, want %s by %q", c.Mirrored, c.Evidence, test.want, test.evidence)
			}
		})
	}
}

// An answer of an earlier pod of the same name is not one of this pod.
func TestAnswersAreThePodsOwn(t *testing.T) {
	a := qlist(upSince, "Failover", "Primary")
	a.UID = "earlier"
	c := modelOf(&iris.Cluster{Mirrored: true}, cluster.AnswersOf([]iris.Answer{a}), member("data-0-0=backup"))
	if m := c.Members[0]; m.Answer != nil || m.Role != iris.MirrorBackup || m.Confirmed {
		t.Errorf("role %q, answer %v", m.Role, m.Answer)
	}
	if cluster.AnswersOf(nil) != nil {
		t.Error("not asked is not nil")
	}
}

func TestIsAsyncOnly(t *testing.T) {
	async, failover, leaving := qlist(upSince, "Disaster Recovery", "Connected"), qlist(upSince, "Failover", "Connected"), member("data-0-1")
	leaving.Deleting = true
	for name, test := range map[string]struct {
		pods    []iris.Pod
		answers cluster.Answers
		want    bool
	}{
		"one":                        {members("data-0-0"), cluster.Answers{"data-0-0": async}, true},
		"by its metrics":             {members("data-0-0"), cluster.Answers{"data-0-0": metrics(6, 4)}, true},
		"still connecting":           {members("data-0-0"), cluster.Answers{"data-0-0": qlist(upSince, "Disaster Recovery", "Synchronizing")}, true},
		"one says nothing":           {members("data-0-0", "data-0-1"), cluster.Answers{"data-0-0": async}, false},
		"one that says nothing ends": {[]iris.Pod{member("data-0-0"), leaving}, cluster.Answers{"data-0-0": async}, true},
		"one is a failover member":   {members("data-0-0", "data-0-1"), cluster.Answers{"data-0-0": async, "data-0-1": failover}, false},
		"a type that is not known":   {members("data-0-0"), cluster.Answers{"data-0-0": qlist(upSince, "Observer", "Connected")}, false},
		"down":                       {members("data-0-0"), cluster.Answers{"data-0-0": qlist("down", "Disaster Recovery", "")}, false},
		"all end":                    {[]iris.Pod{leaving}, cluster.Answers{"data-0-1": async}, false},
		"no pods":                    {nil, nil, false},
	} {
		if got := modelOf(&iris.Cluster{Mirrored: true}, test.answers, test.pods...).IsAsyncOnly(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestShards(t *testing.T) {
	mirror := func(shards int) *iris.Cluster { return &iris.Cluster{Mirrored: true, Shards: shards} }
	for name, test := range map[string]struct {
		of      *iris.Cluster
		pods    []iris.Pod
		want    string
		further int
		// names are the shards that a selector can choose.
		names string
	}{
		"no pods":                    {mirror(1), nil, `""`, 0, "0"},
		"no pods, not read":          {nil, nil, `""`, 0, ""},
		"one shard":                  {mirror(1), members("data-0-0@0", "data-0-1@0"), `"0":2`, 0, "0"},
		"in the order of numbers":    {mirror(2), members("data-10-0@10", "data-9-0@9"), `"0" "1" "9":1 "10":1`, 0, "0 1 9 10"},
		"one has no pods":            {mirror(3), members("data-0-0@0", "data-2-0@2"), `"0":1 "1" "2":1`, 0, "0 1 2"},
		"not read":                   {nil, members("data-0-0@0", "data-2-0@2"), `"0":1 "2":1`, 0, "0 2"},
		"not mirrored":               {&iris.Cluster{Shards: 3}, members("data-0@0", "data-1@0"), `"0":2`, 0, "0 1 2"},
		"without shard labels":       {mirror(3), members("data-0-0", "data-1-0"), `"":2`, 0, ""},
		"one without a shard label":  {mirror(2), members("data-0-0@0", "data-1-0"), `"0":1 "":1`, 0, "0 1"},
		"a label that is no number":  {mirror(1), members("data-0-0@x"), `"0" "x":1`, 0, "0 x"},
		"a number spelt another way": {mirror(1), members("data-0-0@00"), `"0" "00":1`, 0, "0 00"},
		"many have no pods":          {mirror(1_000_000), members("data-0-0@0", "data-5-0@5"), `"0":1 "1" "2" "3" "4" "5":1 "6" "7" "8" "9" "10" "11"`, 999_988, "0 1 2 3 4 5 6 7 8 9 10 11"},
		"as many as a number can be": {mirror(1<<31 - 1), members("data-0-0@0"), `"0":1 "1" "2" "3" "4" "5" "6" "7" "8" "9" "10"`, 1<<31 - 1 - 11, "0 1 2 3 4 5 6 7 8 9 10"},
		"ten are missing":            {mirror(11), members("data-0-0@0"), `"0":1 "1" "2" "3" "4" "5" "6" "7" "8" "9" "10"`, 0, "0 1 2 3 4 5 6 7 8 9 10"},
		"eleven are missing":         {mirror(12), members("data-0-0@0"), `"0":1 "1" "2" "3" "4" "5" "6" "7" "8" "9" "10"`, 1, "0 1 2 3 4 5 6 7 8 9 10"},
		"a late one has pods":        {mirror(13), members("data-12-0@12"), `"0" "1" "2" "3" "4" "5" "6" "7" "8" "9" "12":1`, 2, "0 1 2 3 4 5 6 7 8 9 12"},
	} {
		t.Run(name, func(t *testing.T) {
			c := modelOf(test.of, nil, test.pods...)
			shards, further := c.Shards()
			var got []string
			for _, s := range shards {
				text := fmt.Sprintf("%q", s.Name)
				if len(s.Members) > 0 {
					text += fmt.Sprintf(":%d", len(s.Members))
				}
				got = append(got, text)
			}
			if diff := gocmp.Diff(test.want, strings.Join(got, " ")); diff != "" || further != test.further {
				t.Errorf("-want +got:\n%s\n%d further, want %d", diff, further, test.further)
			}
			names, _ := c.ShardNames()
			if diff := gocmp.Diff(test.names, strings.Join(names, " ")); diff != "" {
				t.Errorf("names: -want +got:\n%s", diff)
			}
			for _, name := range names {
				if !c.HasShard(name) {
					t.Errorf("it has no shard %q", name)
				}
			}
		})
	}
}

// The number of shards is anyone's who may write an IrisCluster: work and memory
// do not grow with it.
func TestShardsAreBounded(t *testing.T) {
	pods := members("data-0-0@0", "data-0-1@0")
	cost := func(shards int) float64 {
		of := &iris.Cluster{Mirrored: true, Shards: shards}
		return testing.AllocsPerRun(5, func() {
			c := modelOf(of, nil, pods...)
			found, _ := c.Shards()
			names, _ := c.ShardNames()
			if len(found) > 1+cluster.MaxMissingShards || len(names) > 1+cluster.MaxMissingShards {
				t.Fatalf("%d shards, %d names", len(found), len(names))
			}
			if err := c.ValidateShard("", false); len(err.Error()) > 200 {
				t.Fatal(err)
			}
		})
	}
	if few, many := cost(1000), cost(1<<31-1); many > 2*few {
		t.Errorf("%v allocations for 1,000 shards, %v for 2,147,483,647", few, many)
	}
}

func TestShardsSortMembersByRole(t *testing.T) {
	pods := members("data-0-0=backup@0", "data-0-1=primary@0", "data-0-2=dr@0", "data-0-3@0", "data-0-4=primary@0")
	pods[4].Deleting = true
	shards, _ := modelOf(&iris.Cluster{Mirrored: true, Shards: 1}, nil, pods...).Shards()
	s := shards[0]
	for what, test := range map[string]struct {
		got  []*cluster.Member
		want string
	}{
		"members":   {s.Members, "c-data-0-0 c-data-0-1 c-data-0-2 c-data-0-3 c-data-0-4"},
		"primaries": {s.Primaries, "c-data-0-1"},
		"backups":   {s.Backups, "c-data-0-0"},
		"others":    {s.Others, "c-data-0-2 c-data-0-3"},
		"leaving":   {s.Leaving, "c-data-0-4"},
	} {
		var names []string
		for _, m := range test.got {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s: %s, want %s", what, got, test.want)
		}
	}
}

func TestHasShard(t *testing.T) {
	sharded := &iris.Cluster{Mirrored: true, Shards: 3}
	for name, test := range map[string]struct {
		of    *iris.Cluster
		pods  []iris.Pod
		shard string
		want  bool
	}{
		"a pod bears it":                   {nil, members("data-0-0@7"), "7", true},
		"the IrisCluster asks for it":      {sharded, members("data-0-0@0"), "2", true},
		"the IrisCluster asks for fewer":   {sharded, members("data-0-0@0"), "3", false},
		"before there are pods":            {sharded, nil, "1", true},
		"no pod bears the label":           {sharded, members("data-0-0"), "1", false},
		"not read, and no pod bears it":    {nil, members("data-0-0@0"), "1", false},
		"a number spelt in another way":    {sharded, members("data-0-0@0"), "01", false},
		"a number with a sign":             {sharded, members("data-0-0@0"), "+1", false},
		"a number below zero":              {sharded, members("data-0-0@0"), "-1", false},
		"a number that is too great to be": {sharded, nil, "99999999999999999999", false},
		"what is no number":                {sharded, nil, "a", false},
	} {
		if got := modelOf(test.of, nil, test.pods...).HasShard(test.shard); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// checkUsage compares an error with a usage error's message, and its hint with a
// part; "" for no error.
func checkUsage(t *testing.T, err error, message, hint string) {
	t.Helper()
	switch {
	case message == "" && err == nil:
	case err == nil || err.Error() != message || !strings.Contains(problem.HintOf(err), hint) || problem.ExitCode(err) != problem.ExitUsage:
		t.Errorf("error %v (hint %q), want %q (hint %q)", err, problem.HintOf(err), message, hint)
	}
}

func TestValidateRole(t *testing.T) {
	mirror, pods := &iris.Cluster{Mirrored: true}, members("data-0-0=primary", "data-0-1=backup", "data-0-2=dr")
	promoted := cluster.Answers{"data-0": qlist(upSince, "Failover", "Primary")}
	for name, test := range map[string]struct {
		of            *iris.Cluster
		pods          []iris.Pod
		answers       cluster.Answers
		role          string
		anyWill       bool
		message, hint string
	}{
		"primary":                      {mirror, pods, nil, "primary", false, "", ""},
		"backup, no pod has it":        {mirror, nil, nil, "backup", false, "", ""},
		"another that a pod has":       {mirror, pods, nil, "dr", false, "", ""},
		"IRIS says it, no label does":  {nil, members("data-0"), promoted, "primary", false, "", ""},
		"none is needed":               {mirror, pods, nil, "", true, "", ""},
		"none outside a mirror":        {&iris.Cluster{}, members("data-0"), nil, "", false, "", ""},
		"none, and a mirror not known": {nil, members("data-0"), nil, "", false, "", ""},
		"none in a mirror": {
			mirror, pods, nil, "", false,
			`role is required because IrisCluster "c" in namespace "prod" is mirrored`, "primary, backup, dr; selector intersystems.com/mirrorRole- selects any member",
		},
		"none, and a mirror by its pods' names": {
			nil, members("data-0-0", "data-0-1"), nil, "", false,
			`role is required because IrisCluster "c" in namespace "prod" is mirrored`, "primary, backup",
		},
		"no pod has it": {
			mirror, pods, nil, "arbiter", false,
			`invalid role "arbiter": no pod of IrisCluster "c" in namespace "prod" has this role, and it is neither primary nor backup`, "primary, backup, dr",
		},
		"not mirrored": {
			&iris.Cluster{}, members("data-0"), nil, "primary", false,
			`invalid role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, "omit role",
		},
		"not mirrored, whatever a label says": {
			&iris.Cluster{}, members("data-0=primary"), nil, "primary", false,
			`invalid role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, "omit role",
		},
		"a mirror is not known": {
			nil, members("data-0"), nil, "primary", false,
			`invalid role "primary": it is not known whether IrisCluster "c" in namespace "prod" is mirrored, and no pod has a role`, "omit role",
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkUsage(t, modelOf(test.of, test.answers, test.pods...).ValidateRole(test.role, test.anyWill), test.message, test.hint)
		})
	}
}

func TestValidateShard(t *testing.T) {
	sharded, pods := &iris.Cluster{Mirrored: true, Shards: 2}, members("data-0-0@0", "data-1-0@1")
	for name, test := range map[string]struct {
		of            *iris.Cluster
		pods          []iris.Pod
		shard         string
		anyWill       bool
		message, hint string
	}{
		"one of several":       {sharded, pods, "1", false, "", ""},
		"none is needed":       {sharded, pods, "", true, "", ""},
		"none of one":          {nil, members("data-0-0@0"), "", false, "", ""},
		"none without a label": {sharded, members("data-0-0"), "", false, "", ""},
		"one that has no pods": {&iris.Cluster{Mirrored: true, Shards: 5}, pods, "4", false, "", ""},
		"none of several": {
			sharded, pods, "", false,
			`shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1`, "shard=0",
		},
		"none of very many": {
			&iris.Cluster{Mirrored: true, Shards: 1_000_000}, pods, "", false,
			`shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 999988 more`, "shard=0",
		},
		"another": {
			sharded, pods, "2", false,
			`invalid shard "2": IrisCluster "c" in namespace "prod" has no such shard`, "use one of 0, 1",
		},
		"without labels": {
			sharded, members("data-0-0"), "0", false,
			`invalid shard "0": the data pods of IrisCluster "c" in namespace "prod" have no shard label`, "omit shard",
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkUsage(t, modelOf(test.of, nil, test.pods...).ValidateShard(test.shard, test.anyWill), test.message, test.hint)
		})
	}
}

// Members are in the order of their shards and ordinals, and found by their pod.
func TestMembers(t *testing.T) {
	pods := append(members("data-10-0@10", "data-9-1@9", "data-9-0@9", "data-9-10@9"), podOf("c", "c-compute-0"))
	var handed []*iris.Pod
	for i := range pods {
		handed = append(handed, &pods[i])
	}
	c := cluster.Of(iris.Cluster{Namespace: "prod", Name: "c"}, false, handed, nil)
	var names []string
	for _, m := range c.Members {
		names = append(names, m.Name)
		if c.Member(m.Pod) != m {
			t.Errorf("%s is another member", m.Name)
		}
	}
	if diff := gocmp.Diff([]string{"c-data-9-0", "c-data-9-1", "c-data-9-10", "c-data-10-0"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c.Member(&pods[4]) != nil {
		t.Error("a compute pod is a member")
	}
}
