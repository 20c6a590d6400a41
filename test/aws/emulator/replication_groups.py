"""ElastiCache replication groups: moto creates one node for any node count, and ignores AutoMinorVersionUpgrade."""

from moto.elasticache.models import ElastiCacheBackend, ReplicationGroup

_create = ElastiCacheBackend.create_replication_group
_members = ReplicationGroup._set_node_members_clusters_disabled


def create(self, *args, **kwargs):
    group = _create(self, *args, **kwargs)
    for node in group.member_clusters:
        if node in self.cache_clusters:
            self.cache_clusters[node].auto_minor_version_upgrade = kwargs["auto_minor_version_upgrade"]
    return group


def members(self, **kwargs):
    kwargs["replicas_per_node_group"] = kwargs["replicas_per_node_group"] or kwargs["num_cache_clusters"] - 1
    return _members(self, **kwargs)


ElastiCacheBackend.create_replication_group = create
ReplicationGroup._set_node_members_clusters_disabled = members
