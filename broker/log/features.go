package log

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// The features whose level matters to clients, and their highest levels (KIP-890, KIP-932).
const (
	transactionVersion     = "transaction.version"
	mostTransactionVersion = 2
	shareVersion           = "share.version"
	mostShareVersion       = 1
)

// features says which features the broker supports and the cluster has finalized (KIP-584).
// One whose lowest level is 0 must be left out of what is supported before version 4: Java
// clients that ask in version 3 do not take it (KAFKA-17011).
func (b *Broker) features(version int16, resp *kmsg.ApiVersionsResponse) {
	if version >= 4 {
		f := kmsg.NewApiVersionsResponseSupportedFeature()
		f.Name, f.MinVersion, f.MaxVersion = transactionVersion, 0, mostTransactionVersion
		resp.SupportedFeatures = append(resp.SupportedFeatures, f)
		if b.cfg.shares() {
			f.Name, f.MaxVersion = shareVersion, mostShareVersion
			resp.SupportedFeatures = append(resp.SupportedFeatures, f)
		}
	}
	resp.FinalizedFeaturesEpoch = 0 // of all levels, which do not change
	if level := b.cfg.TransactionVersion; level > 0 {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MinVersionLevel, f.MaxVersionLevel = transactionVersion, level, level
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, f)
	}
	if b.cfg.shares() {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MinVersionLevel, f.MaxVersionLevel = shareVersion, b.cfg.ShareVersion, b.cfg.ShareVersion
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, f)
	}
}

// The kinds of an update of a feature (KIP-778).
const (
	upgrade         = 1
	unsafeDowngrade = 3 // 2 is a safe one
)

// updateFeatures says what becomes of updates of features (KIP-584): all of them, or none. A
// level is what the cluster was started with: one that would change it is refused, where
// Kafka's controller would write it down.
func (b *Broker) updateFeatures(version int16, body *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.Results = []kmsg.UpdateFeaturesResponseResult{}
	for i := range body.FeatureUpdates {
		u := &body.FeatureUpdates[i]
		if why := b.updateFeature(version, body.ValidateOnly, u); why != "" {
			why = fmt.Sprintf("The update failed for all features since the following feature had an error: Invalid update version %d for feature %s. %s",
				u.MaxVersionLevel, u.Feature, why)
			resp.ErrorCode, resp.ErrorMessage = wire.InvalidUpdateVersion, &why
			return resp
		}
	}
	for i := range body.FeatureUpdates {
		if version > 1 {
			break
		}
		x := kmsg.NewUpdateFeaturesResponseResult()
		x.Feature = body.FeatureUpdates[i].Feature
		resp.Results = append(resp.Results, x)
	}
	return resp
}

// updateFeature says why an update is refused (FeatureControlManager.updateFeature).
func (b *Broker) updateFeature(version int16, validateOnly bool, u *kmsg.UpdateFeaturesRequestFeatureUpdate) string {
	kind := u.UpgradeType
	if version == 0 {
		kind = upgrade // Kafka's controller does not look at what version 0 had instead
	}
	level, most := b.cfg.TransactionVersion, int16(mostTransactionVersion)
	if u.Feature == shareVersion && b.cfg.shares() {
		level, most = b.cfg.ShareVersion, mostShareVersion
	}
	switch {
	case kind < upgrade || kind > unsafeDowngrade:
		return "The controller does not support the given upgrade type."
	case u.MaxVersionLevel < 0:
		return "A feature version cannot be less than 0."
	case u.Feature != transactionVersion && !(u.Feature == shareVersion && b.cfg.shares()):
		return "The cluster does not support this feature."
	case u.MaxVersionLevel > most:
		return fmt.Sprintf("The cluster only supports versions 0-%d", most)
	case u.MaxVersionLevel < level && kind == upgrade:
		return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	case u.MaxVersionLevel > level && kind != upgrade:
		return "Can't downgrade to a newer version."
	case u.MaxVersionLevel != level && !validateOnly:
		return "Its level is that which the cluster was started with."
	}
	return ""
}
