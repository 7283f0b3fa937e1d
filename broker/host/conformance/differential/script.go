package differential

// Script is the whole session, in its order.
func Script() []Scene {
	return []Scene{
		{"versions", playVersions}, {"metadata", playMetadata}, {"create-topics", playCreate}, {"create-partitions", playPartitions},
		{"delete-topics", playDelete}, {"produce", playProduce}, {"batches", playBatches}, {"codecs", playCodecs},
		{"timestamps", playTime}, {"sizes", playSizes}, {"init-producer-id", playInit}, {"idempotent", playIdempotent},
		{"transactions", playTransactions}, {"transactions-2", playTransactions2},
		{"groups", playGroups}, {"consumer-groups", playConsumers}, {"share-groups", playShareGroups}, {"share-fetch", playShareFetch},
		{"share-offsets", playShareOffsets}, {"group-configs", playGroupConfigs}, {"commits", playCommits}, {"fetch", playFetch}, {"offsets", playOffsets}, {"log-dirs", playLogDirs}, {"describe-configs", playConfigs}, {"alter-configs", playAlter}, {"moves", playMoves}, {"delete-records", playDeleteRecords},
	}
}
