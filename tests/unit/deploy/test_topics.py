from deploy.local.topics import wanted_topics
from libs.common.contracts import TOPICS


def test_every_contract_has_a_topic_and_a_dead_letter_topic() -> None:
    names = {topic.name for topic in wanted_topics(partitions=6)}

    assert names == set(TOPICS) | {f"{name}.dead-letter" for name in TOPICS}


def test_dead_letters_stay_in_order_and_the_flow_is_spread() -> None:
    partitions = {topic.name: topic.num_partitions for topic in wanted_topics(partitions=4)}

    assert partitions["raw-indicator"] == 4
    assert partitions["raw-indicator.dead-letter"] == 1


def test_only_the_states_of_incidents_and_assets_are_compacted() -> None:
    compacted = [topic.name for topic in wanted_topics(partitions=6) if "cleanup.policy" in topic.topic_configs]

    assert sorted(compacted) == ["asset-registered", "incident-changed"]
