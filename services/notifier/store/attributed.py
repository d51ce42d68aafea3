"""What a target came with, as it stands in the column `attributed`."""

import msgspec

from libs.common.contracts import TargetAttributed

read_target = msgspec.json.Decoder(TargetAttributed).decode
