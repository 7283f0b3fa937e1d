// Package history is what the clients of one run saw and what they had been
// promised: the only thing that a checker may read.
//
// An operation is invoked ([Inv]) and at most once completed: [OK], [Fail] (it
// certainly had no effect) or [Info] (nobody knows). One that never completes
// counts as Info. A history is a stream: producers write to a [Sink], nothing
// keeps every event.
//
// # On disk
//
// One JSON object a line. The first is the header, every other an event, in
// the order in which they happened: "i", from 0 and without a gap, is the
// real-time order; "t" is the run's clock in ns, for latency and reports.
//
//	{"v":1,"kind":"log-history","seed":"0x7","unique":true,
//	 "topics":{"orders":{"parts":3,"rf":3,"cleanup":"delete"}},"tps":["orders-0"],
//	 "promise":{"from":"derived","properties":["no-acked-loss"]},
//	 "set":{"acks":"all","idem":true,"iso":"ru","sub":"assign","reset":"earliest",
//	        "minisr":2,"flush":"page-cache","unclean":false,"retries":true,"inflight":5},"from":"sim"}
//	{"i":0,"t":20,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-0",101]],"k":[7],"due":15}
//	{"i":1,"t":95,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",101,55]]}
//	{"i":2,"t":99,"e":"inv","id":2,"p":2001,"f":"poll"}
//	{"i":3,"t":140,"e":"ok","id":2,"p":2001,"f":"poll","m":[["p",{"orders-0":[55,[101]]}]],
//	 "at":{"orders-0":{"ask":55,"end":56,"start":0,"ep":3,"from":"b1"}}}
//
// "e" is inv, ok, fail, info or ev (something happened that is no operation).
// "id" ties a completion to its invocation, "p" is the process.
// "m" are micro-operations: ["s",tp,value] when a send is invoked,
// ["s",tp,value,offset|null,err?] when it completes, each record with its own
// outcome (see [Event.Sends]); ["p",{tp:run}] for what was read, a run being
// [base,[value,...]] or [[offset,value,key?,timestamp?],...].
// A value or key is any JSON scalar; what is no integer gets a number that
// stands for it, see [Header.Names].
//
// "at" says what a broker claimed of a partition: the high watermark "end",
// "lso", "start" (log start offset), "ep" (its leader epoch) and "from" (the
// broker); "pos" is where the reader stood after it. A name that is absent was not claimed.
//
// Beyond the common vocabulary this package writes "tps" in the header (the
// order of partitions), "minisr", "flush", "unclean", "retries" and "inflight"
// among the settings, "k" (the keys of the sends), "due", "ask" and "limited"
// in a claim (what was asked for; whether the answer was cut short), the
// operation dump with "fin" (the read that ends a run), and of single events
// process, nocopy, skipped, maylose and coordinator (see [Func]), of those nocopy and
// maylose with "synced" if a disk has lost what it had synced. Unknown names of fields are
// passed over, and so are events of the vocabulary that nothing here reads, such as
// epochend; any other word is an error with its line, its column and the
// nearest right word.
//
// # Groups and transactions
//
// Offsets that are committed, and what a fetch of them reads, are
// "offs": {tp:[offset|null,tag|null,err?]}: null is that nothing is committed, and the tag,
// unique in the run, travels as the commit's metadata. "g" is the group, "gen" the
// generation or member epoch, "mem" the member, "inst" its group.instance.id; a completed
// join of the leader "leads", and its sync has the "assignment": {member:[tp,...]}.
//
// "x" is a transaction, a number of the run's own for each that is begun; "txid", "pid" and
// "ep" are whose it is. Who reads, processes and writes names for each record that it
// sends the value that it was made "of", one for each send as "seq" and "k" are.
//
//	{"i":4,"t":10,"e":"ev","p":2001,"f":"subscribe","tps":["in-0","in-1"],"g":"g1"}
//	{"i":5,"t":11,"e":"inv","id":3,"p":2001,"f":"join","g":"g1"}
//	{"i":6,"t":20,"e":"ok","id":3,"p":2001,"f":"join","g":"g1","gen":1,"mem":"m1","leads":true}
//	{"i":7,"t":21,"e":"inv","id":4,"p":2001,"f":"sync","g":"g1","gen":1,"mem":"m1","assignment":{"m1":["in-0","in-1"]}}
//	{"i":8,"t":30,"e":"ok","id":4,"p":2001,"f":"sync","tps":["in-0","in-1"],"g":"g1","gen":1,"mem":"m1"}
//	{"i":9,"t":30,"e":"ev","p":2001,"f":"assigned","tps":["in-0","in-1"],"g":"g1","gen":1,"mem":"m1"}
//	{"i":10,"t":31,"e":"inv","id":5,"p":2001,"f":"fetchc","tps":["in-0"],"spec":"stable","g":"g1"}
//	{"i":11,"t":39,"e":"ok","id":5,"p":2001,"f":"fetchc","spec":"stable","broker":"b1","g":"g1","offs":{"in-0":[55,7]}}
//	{"i":12,"t":50,"e":"inv","id":6,"p":2001,"f":"commit","g":"g1","gen":1,"mem":"m1","offs":{"in-0":[57,8]}}
//	{"i":13,"t":60,"e":"ok","id":6,"p":2001,"f":"commit","broker":"b1","g":"g1","gen":1,"mem":"m1","offs":{"in-0":[57,8]}}
//	{"i":14,"t":61,"e":"ev","p":2001,"f":"txbegin","pid":9,"ep":1,"x":3,"txid":"tx1"}
//	{"i":15,"t":62,"e":"inv","id":7,"p":2001,"f":"send","m":[["s","out-0",901]],"of":[55],"pid":9,"ep":1,"x":3,"txid":"tx1"}
//	{"i":16,"t":63,"e":"inv","id":8,"p":2001,"f":"txncommit","pid":9,"ep":1,"g":"g1","gen":1,"mem":"m1","offs":{"in-0":[58,9]},"x":3,"txid":"tx1"}
//	{"i":17,"t":70,"e":"inv","id":9,"p":2001,"f":"txcommit","pid":9,"ep":1,"x":3,"txid":"tx1"}
//
// An end of a transaction fails only if the transaction certainly did not end that way; if
// any attempt went unanswered it is info, whatever a later one said. "iso" of a poll or dump
// is its isolation level; the final read is made of all records, whatever became of
// their transactions, and tells of each batch of a producer, markers too,
// "b": {tp:[[base,last,pid,epoch,sequence|null,kind],...]}, its kind being data, txn, commit
// or abort. A last fetchc of each group with "fin" ends the run as well.
//
// # Brokers without offsets
//
// Where "set" has "keeps" ([Settings.Keeps]), records have no offset: it is null. What
// came to a reader is the event deliver, with "again" if the broker says that it may
// have delivered that before; listen and unlisten are when a reader began to be sent
// what comes to "tps", as one of the group "spec", and when that ended; "ep" of a send
// is the number of its connection; and a dump is what was left at the end.
//
// # Invariants that are not obvious
//
// A completion is of the function and the process of its invocation; one that
// names no process has that of its invocation. What a simulation wrote ("from"
// is sim) is held to more, so that an edit by hand is not taken for what clients
// saw: a completion is about the partitions, values and keys that were asked
// for; time is given and does not go back; the dead complete nothing; and the
// partitions are those of "topics", if any are listed. Ids need not count up: a
// send has its id before it has room to begin.
//
// A Poll is invoked when its fetch leaves, not when an application asks for
// records that a client has already: a claim is held to what was known when
// the operation began.
//
// A Leader note comes no later than the first answer of that epoch. An
// acknowledgement carries no epoch, and is attributed by these notes.
//
// A reader that crashes keeps its process number: what it does next is compared
// with what it did before.
package history
