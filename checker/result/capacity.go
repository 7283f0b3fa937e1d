package result

// Capacity is what a capacity study came to: the answer, and everything that a
// planner may ask of it. Rates are records a second, times microseconds, sizes
// bytes; shares are in thousandths. What was not measured is left out, never 0.
type Capacity struct {
	V     int    `json:"v"`
	Study string `json:"study"` // its name
	Exit  int    `json:"exit"`

	Answer    Answer     `json:"answer"`
	Shape     Shape      `json:"shape"` // the one that was asked about, or the one chosen
	SLO       SLO        `json:"slo"`
	Healthy   Curve      `json:"healthy"`             // all brokers
	OneLost   *Curve     `json:"one_lost,omitempty"`  // the same load on one broker less
	Budget    []Budget   `json:"budget"`              // where the time goes, at the answer
	Loss      *Timeline  `json:"loss,omitempty"`      // one broker killed at the answer
	CatchUp   *Timeline  `json:"catch_up,omitempty"`  // a reader that was away
	HeatMap   *HeatMap   `json:"heat_map,omitempty"`  // linger.ms x batch.size
	Matrix    *HeatMap   `json:"matrix,omitempty"`    // brokers x partitions
	Retention *Retention `json:"retention,omitempty"` // disk
	Sweeps    []Sweep    `json:"sweeps,omitempty"`    // other axes

	Sensitivity []Sensitivity `json:"sensitivity"`
	Shapes      []Shape       `json:"shapes"` // all that were considered, with what speaks against them
	Rules       []Rule        `json:"rules"`  // planning rules that were applied
	Validation  []Validated   `json:"validation"`
	Fit         []Fitted      `json:"fit"` // parameters that were fitted, with their error
	Assumptions []Assumption  `json:"assumptions"`
	Findings    []Finding     `json:"findings"` // promises, over all runs of the study
	Ledger      Ledger        `json:"ledger"`   // the sum over all runs
	Warnings    []string      `json:"warnings,omitempty"`
	NotModelled []string      `json:"not_modelled,omitempty"`

	Seeds  []string `json:"seeds"`
	Runs   int      `json:"runs"`
	Events int64    `json:"events"`
	Repeat string   `json:"repeat"` // the command
}

// Answer is the first thing that is read.
type Answer struct {
	// Rate is the largest offered rate that meets the SLO with all brokers, RateOneLost
	// with one lost; each the median over seeds with a 95 % interval of the median.
	Rate        Interval `json:"rate,omitzero"`
	RateOneLost Interval `json:"rate_one_lost,omitzero"`
	PlanOn      int64    `json:"plan_on,omitzero"` // the smaller one, after the planning rules
	P99US       Interval `json:"p99_us,omitzero"`  // at PlanOn, all brokers
	P99LostUS   Interval `json:"p99_one_lost_us,omitzero"`
	Bottleneck  string   `json:"bottleneck,omitzero"` // what breaks first: "disk write of b2 at 71 %"
	// Refused says why no rate meets the SLO, and is empty if one does.
	Refused string `json:"refused,omitempty"`
	// Text is the answer in one or two sentences.
	Text string `json:"text"`
	// CostMonth is in cents of Currency for the whole cluster, nil without prices.
	CostMonth *int64 `json:"cost_month_cents,omitempty"`
	Currency  string `json:"currency,omitempty"`
	PricesOf  string `json:"prices_as_of,omitempty"`
}

// Interval is a median with the bounds of its 95 % interval over N seeds. With
// fewer than 5 seeds there is no interval: Low and High are the extremes.
type Interval struct {
	Median int64 `json:"median"`
	Low    int64 `json:"low"`
	High   int64 `json:"high"`
	N      int   `json:"n"`
	// OpenMedian, OpenLow and OpenHigh are "at least" or "at most" where nobody has looked
	// further than that value.
	OpenMedian string `json:"open_median,omitempty"`
	OpenLow    string `json:"open_low,omitempty"`
	OpenHigh   string `json:"open_high,omitempty"`
}

// Bound begins a value of which nobody has looked further: ">= ", "<= ", or empty.
func Bound(open string) string {
	switch open {
	case "at least":
		return ">= "
	case "at most":
		return "<= "
	}
	return ""
}

// SLO is what a rate has to meet.
type SLO struct {
	AckP99US int64 `json:"ack_p99_us,omitempty"`
	E2EP99US int64 `json:"e2e_p99_us,omitempty"`
	MaxLoss  int64 `json:"max_loss"` // acknowledged records
}

// Shape is a cluster and its clients.
type Shape struct {
	Name       string `json:"name"` // "3 x i3en.2xlarge"
	Profile    string `json:"profile"`
	Brokers    int    `json:"brokers"`
	Partitions int    `json:"partitions"`
	RF         int    `json:"rf"`
	MinISR     int    `json:"min_isr"`
	Acks       string `json:"acks"`
	Fsync      string `json:"fsync"` // never, every batch, or as configured
	LingerMS   int64  `json:"linger_ms"`
	BatchSize  int64  `json:"batch_size"`
	Rejected   string `json:"rejected,omitempty"` // the reason, with its numbers
	CostMonth  *int64 `json:"cost_month_cents,omitempty"`
	Roofline   int64  `json:"roofline"`          // records a second that no resource can exceed
	Limit      string `json:"limit"`             // the resource of the roofline
	Rate       int64  `json:"rate,omitempty"`    // that the simulation sustained with one broker lost, if it was run
	Open       string `json:"open,omitempty"`    // "at least" or "at most": nobody has looked further
	Formula    []Roof `json:"formula,omitempty"` // the roofs of the single resources, the lowest first
}

// Roof is what one resource, or a published formula, allows.
type Roof struct {
	What   string `json:"what"` // "network out", "AWS Eq. 1 at 80 %"
	Rate   int64  `json:"rate"` // records a second
	How    string `json:"how"`  // the formula with its numbers
	Source string `json:"source,omitempty"`
	Bound  bool   `json:"bound"` // it bounds the simulation: else it is somebody's rule, for comparison
}

// Curve is latency against offered load.
type Curve struct {
	Brokers  int     `json:"brokers"` // that are there
	Points   []Point `json:"points"`  // by Offered, then seed
	Roofline int64   `json:"roofline"`
	Knees    Knees   `json:"knees,omitzero"`
	// Gap explains a difference of over 25 % between roofline and knee.
	Gap string `json:"gap,omitempty"`
}

// Knees are three answers to "where does it bend", in offered records a second.
type Knees struct {
	UnderSLO  int64  `json:"under_slo"` // the largest rate that meets the SLO
	Power     int64  `json:"power"`     // where throughput/latency is largest
	Doubled   int64  `json:"doubled"`   // the first with p99 over twice that at a tenth of the load; 0: none
	Disagrees string `json:"disagrees,omitempty"`
}

// Point is one run at one offered rate.
type Point struct {
	Offered  int64  `json:"offered"`
	Seed     string `json:"seed"`
	Achieved int64  `json:"achieved"` // acknowledged a second
	Read     int64  `json:"read"`     // records a second over all readers
	Passed   bool   `json:"passed"`
	Why      string `json:"why,omitempty"` // not passed
	// StoppedUS is when the run was stopped because too much waited, in its own time; 0:
	// it was not. What such a run says of latencies is too little.
	StoppedUS int64 `json:"stopped_us,omitempty"`
	Ack       Tail  `json:"ack"`      // from due
	AckSent   Tail  `json:"ack_sent"` // from the send: what coordinated omission would have shown
	E2E       Tail  `json:"e2e"`      // from due
	// Backlog is how many records were due and not acknowledged at the end, Slope the
	// growth of that a second over the last half.
	Backlog     int64         `json:"backlog"`
	Slope       int64         `json:"slope"`
	BatchRecs   int64         `json:"batch_records_milli"` // mean records of a Produce batch, in thousandths
	Requests    int64         `json:"requests"`            // Produce requests a second
	Utilisation []Utilisation `json:"utilisation"`         // the busiest node of each resource
	Verdict     Verdict       `json:"verdict"`
	Repro       string        `json:"repro"`
}

// Tail is a latency distribution: 0 and N for what has too few samples (p99.9
// needs 100,000, p99.99 a million).
type Tail struct {
	P50   int64 `json:"p50"`
	P90   int64 `json:"p90"`
	P99   int64 `json:"p99"`
	P999  int64 `json:"p99_9,omitempty"`
	P9999 int64 `json:"p99_99,omitempty"`
	Max   int64 `json:"max"`
	N     int64 `json:"n"`
	// Curve has pairs of quantile (in millionths) and value, for the percentile plot.
	Curve [][2]int64 `json:"curve,omitempty"`
}

// Utilisation of one resource over the measured time.
type Utilisation struct {
	Resource string `json:"resource"` // "cpu", "network in", "network out", "disk write", "disk read", "fsync", "client cpu"
	Node     string `json:"node"`     // the busiest
	Busy     int64  `json:"busy"`     // thousandths
	WaitUS   int64  `json:"wait_us"`  // mean wait in its queue
	Queue    int64  `json:"queue"`    // mean number in it, thousandths
	Mean     int64  `json:"mean"`     // thousandths, over the nodes that have the resource
}

// Budget is where the time of a request goes at one percentile.
type Budget struct {
	Curve string   `json:"curve"`      // "healthy" or "one lost"
	At    string   `json:"percentile"` // "p50", "p99"
	Parts []Amount `json:"parts"`      // linger, client queue, network, broker queue, append, fsync, replicate, fetch wait
}

// Amount is a named time.
type Amount struct {
	Name string `json:"name"`
	US   int64  `json:"us"`
}

// Timeline is what happened second by second.
type Timeline struct {
	What    string   `json:"what"`
	Rows    []Second `json:"rows"`
	Marks   []Mark   `json:"marks"`
	Summary []string `json:"summary"` // sentences: unavailable 1.2 s, caught up after 14 s
	Ledger  Ledger   `json:"ledger"`
	Repro   string   `json:"repro"`
}

// Second is one interval of a timeline.
type Second struct {
	AtUS     int64 `json:"at_us"`
	ForUS    int64 `json:"for_us"`
	Due      int64 `json:"due"`
	Acked    int64 `json:"acked"`
	Read     int64 `json:"read"`
	AckP50   int64 `json:"ack_p50_us"`
	AckP99   int64 `json:"ack_p99_us"`
	E2EP99   int64 `json:"e2e_p99_us"`
	UnderRep int64 `json:"under_replicated"` // partitions, at the end of the interval
	Lag      int64 `json:"lag"`              // records that the slowest reader group is behind
}

// Mark is a moment of a timeline.
type Mark struct {
	AtUS int64  `json:"at_us"`
	What string `json:"what"` // "b2 killed", "fenced", "leaders elected", "ISR whole"
}

// HeatMap is one value over two settings.
type HeatMap struct {
	RowAxis    Axis      `json:"rows"`
	ColumnAxis Axis      `json:"columns"`
	P99US      [][]int64 `json:"p99_us"`   // by row, then column; -1: did not pass
	Requests   [][]int64 `json:"requests"` // Produce requests a second
	// Rates are the largest under the SLO, in a map of them; -1: none meets it.
	Rates [][]int64 `json:"rates,omitempty"`
}

// Axis is a setting and the values that were tried.
type Axis struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Sweep is one value against one setting.
type Sweep struct {
	Axis   Axis    `json:"axis"`
	Points []Point `json:"points"` // in the order of the values
	Rates  []int64 `json:"rates,omitempty"`
}

// Retention is how much disk is needed.
type Retention struct {
	BytesPerSecond int64  `json:"bytes_per_second"` // into the cluster, without replicas
	Seconds        int64  `json:"seconds"`
	RF             int64  `json:"rf"`
	Bytes          int64  `json:"bytes"`              // on all brokers, with 20 % for what is not deleted yet
	PerNode        int64  `json:"per_node"`           // bytes
	Disk           int64  `json:"disk"`               // bytes of a broker's disks; 0: unknown
	Used           int64  `json:"used"`               // thousandths of it
	FullAfter      int64  `json:"full_after_seconds"` // to 85 %
	How            string `json:"how"`
}

// Sensitivity is how far the answer moves with one parameter.
type Sensitivity struct {
	Parameter string `json:"parameter"`
	Base      int64  `json:"base,omitempty"` // the answer of the same seed without; 0: that of the study
	Minus     string `json:"minus"`          // the value tried below
	Plus      string `json:"plus"`
	RateMinus int64  `json:"rate_minus"`
	RatePlus  int64  `json:"rate_plus"`
	P99Minus  int64  `json:"p99_minus_us"` // at the answer
	P99Plus   int64  `json:"p99_plus_us"`
	// OpenMinus and OpenPlus are "at least" or "at most" where the rate is the last that
	// was looked at, and empty where it is known to 2 %.
	OpenMinus string `json:"open_minus,omitempty"`
	OpenPlus  string `json:"open_plus,omitempty"`
}

// Rule is a planning rule and how the plan stands to it.
type Rule struct {
	Rule   string `json:"rule"` // "cpu <= 60 %"
	Now    string `json:"now"`
	Holds  bool   `json:"holds"`
	Source string `json:"source"`
}

// Validated is one published figure beside what the model says.
type Validated struct {
	Row       string `json:"row"` // its id
	What      string `json:"what"`
	Quantity  string `json:"quantity"` // "records a second", "publish p50 ms"
	Role      string `json:"role"`     // calibrate or reference
	Measured  string `json:"measured"`
	Predicted string `json:"predicted"`                   // empty: not modelled
	ErrorMil  *int64 `json:"error_thousandths,omitempty"` // predicted/measured - 1
	Gate      string `json:"gate"`                        // "within 15 %", or empty
	Verdict   string `json:"verdict"`                     // ok, off, or why it is not predicted
	Source    string `json:"source"`                      // title and year
	URL       string `json:"url,omitempty"`
}

// Fitted is a parameter that was fitted to published rows.
type Fitted struct {
	Parameter string   `json:"parameter"`
	Value     string   `json:"value"`
	Rows      []string `json:"rows"`
	ErrorMil  int64    `json:"error_thousandths"` // largest over the rows
}

// Assumption is an input of the study that somebody may doubt.
type Assumption struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	AsOf   string `json:"as_of,omitempty"`
}
