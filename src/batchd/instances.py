"""The machine types of EC2 that are commonly named: how large each is and what it costs beside the others.

Jobs run on the machines batchd has; a type says how large a job may be that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

X86 = "x86_64"
ARM = "arm64"


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine type. `price` is relative: what an hour of it costs, in thousandths of a dollar, more or less.

    `gpu` is the make of its GPUs and `gpu_mib` the memory of each; empty and 0 where it has none.
    """

    name: str  # `m5.large`
    vcpus: int
    memory_mib: int
    architecture: str
    price: float
    gpus: int = 0
    gpu: str = ""
    gpu_mib: int = 0
    disks: bool = False

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_metal(self) -> bool:
        """No virtual machine but the whole one."""
        return self.name.partition(".")[2].startswith("metal")

    @property
    def is_burstable(self) -> bool:
        """Promises only a part of its vCPUs."""
        return self.family in ("t2", "t3", "t3a", "t4g")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Instance]:
    """Every type by name, in order of name. Read only."""
    return {instance.name: instance for instance in sorted(_instances(), key=lambda one: one.name)}


@lru_cache(maxsize=1)
def families() -> dict[str, tuple[Instance, ...]]:
    """The types of each family, in order of size, bare metal among them. Read only."""
    found: dict[str, list[Instance]] = {}
    for instance in catalogue().values():
        found.setdefault(instance.family, []).append(instance)
    return {family: tuple(sorted(all_, key=lambda one: (one.vcpus, one.price))) for family, all_ in found.items()}


_SIZES = {
    "medium": 1, "large": 2, "xlarge": 4, "2xlarge": 8, "3xlarge": 12, "4xlarge": 16, "6xlarge": 24, "8xlarge": 32,
    "9xlarge": 36, "10xlarge": 40, "12xlarge": 48, "16xlarge": 64, "18xlarge": 72, "24xlarge": 96, "32xlarge": 128,
    "48xlarge": 192, "96xlarge": 384,
}  # fmt: skip
_TO_16 = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
_TO_24 = f"{_TO_16} 24xlarge"
_ARM_16 = f"medium {_TO_16}"
_COMPUTE_5 = "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge"

# Families in which memory and price grow with the vCPUs.
# name, GiB a vCPU, price a vCPU, architecture ("+disks": with disks of its own), sizes (metal: with its vCPUs)
_EVEN = f"""
m3     3.75  66.5  x86_64+disks  medium large xlarge 2xlarge
m4     4     50    x86_64        large xlarge 2xlarge 4xlarge 10xlarge 16xlarge
m5     4     48    x86_64        {_TO_24} metal:96
m5a    4     43    x86_64        {_TO_24}
m5ad   4     51.5  x86_64+disks  {_TO_24}
m5d    4     56.5  x86_64+disks  {_TO_24} metal:96
m5dn   4     68    x86_64+disks  {_TO_24} metal:96
m5n    4     59.5  x86_64        {_TO_24} metal:96
m5zn   4     82.6  x86_64        large xlarge 2xlarge 3xlarge 6xlarge 12xlarge metal:48
m6a    4     43.2  x86_64        {_TO_24} 32xlarge 48xlarge metal:192
m6g    4     38.5  arm64         {_ARM_16} metal:64
m6gd   4     45.2  arm64+disks   {_ARM_16} metal:64
m6i    4     48    x86_64        {_TO_24} 32xlarge metal:128
m6id   4     59.3  x86_64+disks  {_TO_24} 32xlarge metal:128
m6in   4     69.6  x86_64        {_TO_24} 32xlarge metal:128
m7a    4     58    x86_64        medium {_TO_24} 32xlarge 48xlarge metal-48xl:192
m7g    4     40.8  arm64         {_ARM_16} metal:64
m7gd   4     53.4  arm64+disks   {_ARM_16} metal:64
m7i    4     50.4  x86_64        {_TO_24} 48xlarge metal-24xl:96 metal-48xl:192
m8g    4     44.9  arm64         {_ARM_16} 24xlarge 48xlarge metal-24xl:96 metal-48xl:192
m8i    4     52.9  x86_64        {_TO_24} 32xlarge 48xlarge 96xlarge metal-48xl:192 metal-96xl:384
c3     1.875 52.5  x86_64+disks  large xlarge 2xlarge 4xlarge 8xlarge
c5     2     42.5  x86_64        {_COMPUTE_5} metal:96
c5a    2     38.5  x86_64        {_TO_24}
c5ad   2     43    x86_64+disks  {_TO_24}
c5d    2     48    x86_64+disks  {_COMPUTE_5} metal:96
c6a    2     38.3  x86_64        {_TO_24} 32xlarge 48xlarge metal:192
c6g    2     34    arm64         {_ARM_16} metal:64
c6gd   2     38.4  arm64+disks   {_ARM_16} metal:64
c6gn   2     43.2  arm64         {_ARM_16}
c6i    2     42.5  x86_64        {_TO_24} 32xlarge metal:128
c6id   2     50.4  x86_64+disks  {_TO_24} 32xlarge metal:128
c6in   2     56.7  x86_64        {_TO_24} 32xlarge metal:128
c7a    2     51.3  x86_64        medium {_TO_24} 32xlarge 48xlarge metal-48xl:192
c7g    2     36.3  arm64         {_ARM_16} metal:64
c7gd   2     45.4  arm64+disks   {_ARM_16} metal:64
c7gn   2     62.4  arm64         {_ARM_16} metal:64
c7i    2     44.6  x86_64        {_TO_24} 48xlarge metal-24xl:96 metal-48xl:192
c8g    2     39.9  arm64         {_ARM_16} 24xlarge 48xlarge metal-24xl:96 metal-48xl:192
c8i    2     46.9  x86_64        {_TO_24} 32xlarge 48xlarge 96xlarge metal-48xl:192 metal-96xl:384
r3     7.625 83    x86_64+disks  large xlarge 2xlarge 4xlarge 8xlarge
r4     7.625 66.5  x86_64        large xlarge 2xlarge 4xlarge 8xlarge 16xlarge
r5     8     63    x86_64        {_TO_24} metal:96
r5a    8     56.5  x86_64        {_TO_24}
r5ad   8     65.5  x86_64+disks  {_TO_24}
r5b    8     74.5  x86_64        {_TO_24} metal:96
r5d    8     72    x86_64+disks  {_TO_24} metal:96
r5dn   8     83.5  x86_64+disks  {_TO_24} metal:96
r5n    8     74.5  x86_64        {_TO_24} metal:96
r6a    8     56.7  x86_64        {_TO_24} 32xlarge 48xlarge metal:192
r6g    8     50.4  arm64         {_ARM_16} metal:64
r6gd   8     57.6  arm64+disks   {_ARM_16} metal:64
r6i    8     63    x86_64        {_TO_24} 32xlarge metal:128
r6id   8     75.6  x86_64+disks  {_TO_24} 32xlarge metal:128
r6in   8     87.2  x86_64        {_TO_24} 32xlarge metal:128
r7a    8     76.1  x86_64        medium {_TO_24} 32xlarge 48xlarge metal-48xl:192
r7g    8     53.6  arm64         {_ARM_16} metal:64
r7gd   8     68.1  arm64+disks   {_ARM_16} metal:64
r7i    8     66.2  x86_64        {_TO_24} 48xlarge metal-24xl:96 metal-48xl:192
r8g    8     58.9  arm64         {_ARM_16} 24xlarge 48xlarge metal-24xl:96 metal-48xl:192
r8i    8     69.5  x86_64        {_TO_24} 32xlarge 48xlarge 96xlarge metal-48xl:192 metal-96xl:384
x1     15.25 104.2 x86_64+disks  16xlarge 32xlarge
x1e    30.5  208.5 x86_64+disks  xlarge 2xlarge 4xlarge 8xlarge 16xlarge 32xlarge
x2gd   16    83.5  arm64+disks   {_ARM_16} metal:64
x2idn  16    104.2 x86_64+disks  16xlarge 24xlarge 32xlarge metal:128
x2iedn 32    208.5 x86_64+disks  xlarge 2xlarge 4xlarge 8xlarge 16xlarge 24xlarge 32xlarge metal:128
x2iezn 32    208.5 x86_64        2xlarge 4xlarge 6xlarge 8xlarge 12xlarge metal:48
z1d    8     93    x86_64+disks  large xlarge 2xlarge 3xlarge 6xlarge 12xlarge metal:48
i2     7.625 213.3 x86_64+disks  xlarge 2xlarge 4xlarge 8xlarge
i3     7.625 78    x86_64+disks  large xlarge 2xlarge 4xlarge 8xlarge 16xlarge
i3en   8     113   x86_64+disks  large xlarge 2xlarge 3xlarge 6xlarge 12xlarge 24xlarge metal:96
i4i    8     85.8  x86_64+disks  {_TO_24} 32xlarge metal:128
i4g    8     77.2  arm64+disks   large xlarge 2xlarge 4xlarge 8xlarge 16xlarge
d3     8     124.8 x86_64+disks  xlarge 2xlarge 4xlarge 8xlarge
d3en   4     131.5 x86_64+disks  xlarge 2xlarge 4xlarge 6xlarge 8xlarge 12xlarge
inf1   2     57    x86_64        xlarge 2xlarge 6xlarge 24xlarge
inf2   4     67.6  x86_64        xlarge 8xlarge 24xlarge 48xlarge
trn1   4     168   x86_64+disks  2xlarge 32xlarge
trn1n  4     194   x86_64+disks  32xlarge
"""

# Types that follow no rule.
# name, vCPUs, GiB, price, architecture ("+disks"), and where it has any: GPUs, their make, GiB of each
_ODD = """
m7i-flex.large       2   8     96     x86_64
m7i-flex.xlarge      4   16    192    x86_64
m7i-flex.2xlarge     8   32    383    x86_64
m7i-flex.4xlarge     16  64    766    x86_64
m7i-flex.8xlarge     32  128   1532   x86_64
c4.large             2   3.75  100    x86_64
c4.xlarge            4   7.5   199    x86_64
c4.2xlarge           8   15    398    x86_64
c4.4xlarge           16  30    796    x86_64
c4.8xlarge           36  60    1591   x86_64
c5n.large            2   5.25  108    x86_64
c5n.xlarge           4   10.5  216    x86_64
c5n.2xlarge          8   21    432    x86_64
c5n.4xlarge          16  42    864    x86_64
c5n.9xlarge          36  96    1944   x86_64
c5n.18xlarge         72  192   3888   x86_64
t2.nano              1   0.5   5.8    x86_64
t2.micro             1   1     11.6   x86_64
t2.small             1   2     23     x86_64
t2.medium            2   4     46.4   x86_64
t2.large             2   8     92.8   x86_64
t2.xlarge            4   16    185.6  x86_64
t2.2xlarge           8   32    371.2  x86_64
t3.nano              2   0.5   5.2    x86_64
t3.micro             2   1     10.4   x86_64
t3.small             2   2     20.8   x86_64
t3.medium            2   4     41.6   x86_64
t3.large             2   8     83.2   x86_64
t3.xlarge            4   16    166.4  x86_64
t3.2xlarge           8   32    332.8  x86_64
t3a.nano             2   0.5   4.7    x86_64
t3a.micro            2   1     9.4    x86_64
t3a.small            2   2     18.8   x86_64
t3a.medium           2   4     37.6   x86_64
t3a.large            2   8     75.2   x86_64
t3a.xlarge           4   16    150.4  x86_64
t3a.2xlarge          8   32    300.8  x86_64
t4g.nano             2   0.5   4.2    arm64
t4g.micro            2   1     8.4    arm64
t4g.small            2   2     16.8   arm64
t4g.medium           2   4     33.6   arm64
t4g.large            2   8     67.2   arm64
t4g.xlarge           4   16    134.4  arm64
t4g.2xlarge          8   32    268.8  arm64
d2.xlarge            4   30.5  690    x86_64+disks
d2.2xlarge           8   61    1380   x86_64+disks
d2.4xlarge           16  122   2760   x86_64+disks
d2.8xlarge           36  244   5520   x86_64+disks
i3.metal             72  512   4992   x86_64+disks
f1.2xlarge           8   122   1650   x86_64+disks
f1.4xlarge           16  244   3300   x86_64+disks
f1.16xlarge          64  976   13200  x86_64+disks
hpc6a.48xlarge       96  384   2880   x86_64
hpc6id.32xlarge      64  1024  5700   x86_64+disks
hpc7a.12xlarge       24  768   7200   x86_64
hpc7a.24xlarge       48  768   7200   x86_64
hpc7a.48xlarge       96  768   7200   x86_64
hpc7a.96xlarge       192 768   7200   x86_64
hpc7g.4xlarge        16  128   1683   arm64
hpc7g.8xlarge        32  128   1683   arm64
hpc7g.16xlarge       64  128   1683   arm64
p2.xlarge            4   61    900    x86_64        1  K80   12
p2.8xlarge           32  488   7200   x86_64        8  K80   12
p2.16xlarge          64  732   14400  x86_64        16 K80   12
p3.2xlarge           8   61    3060   x86_64        1  V100  16
p3.8xlarge           32  244   12240  x86_64        4  V100  16
p3.16xlarge          64  488   24480  x86_64        8  V100  16
p3dn.24xlarge        96  768   31212  x86_64+disks  8  V100  32
p4d.24xlarge         96  1152  32773  x86_64+disks  8  A100  40
p4de.24xlarge        96  1152  40966  x86_64+disks  8  A100  80
p5.4xlarge           16  256   6880   x86_64+disks  1  H100  80
p5.48xlarge          192 2048  55040  x86_64+disks  8  H100  80
p5e.48xlarge         192 2048  60540  x86_64+disks  8  H200  141
p5en.48xlarge        192 2048  63296  x86_64+disks  8  H200  141
g3s.xlarge           4   30.5  750    x86_64        1  M60   8
g3.4xlarge           16  122   1140   x86_64        1  M60   8
g3.8xlarge           32  244   2280   x86_64        2  M60   8
g3.16xlarge          64  488   4560   x86_64        4  M60   8
g4ad.xlarge          4   16    379    x86_64+disks  1  V520  8
g4ad.2xlarge         8   32    541    x86_64+disks  1  V520  8
g4ad.4xlarge         16  64    867    x86_64+disks  1  V520  8
g4ad.8xlarge         32  128   1734   x86_64+disks  2  V520  8
g4ad.16xlarge        64  256   3468   x86_64+disks  4  V520  8
g4dn.xlarge          4   16    526    x86_64+disks  1  T4    16
g4dn.2xlarge         8   32    752    x86_64+disks  1  T4    16
g4dn.4xlarge         16  64    1204   x86_64+disks  1  T4    16
g4dn.8xlarge         32  128   2176   x86_64+disks  1  T4    16
g4dn.12xlarge        48  192   3912   x86_64+disks  4  T4    16
g4dn.16xlarge        64  256   4352   x86_64+disks  1  T4    16
g4dn.metal           96  384   7824   x86_64+disks  8  T4    16
g5.xlarge            4   16    1006   x86_64+disks  1  A10G  24
g5.2xlarge           8   32    1212   x86_64+disks  1  A10G  24
g5.4xlarge           16  64    1624   x86_64+disks  1  A10G  24
g5.8xlarge           32  128   2448   x86_64+disks  1  A10G  24
g5.12xlarge          48  192   5672   x86_64+disks  4  A10G  24
g5.16xlarge          64  256   4096   x86_64+disks  1  A10G  24
g5.24xlarge          96  384   8144   x86_64+disks  4  A10G  24
g5.48xlarge          192 768   16288  x86_64+disks  8  A10G  24
g5g.xlarge           4   8     420    arm64         1  T4g   16
g5g.2xlarge          8   16    556    arm64         1  T4g   16
g5g.4xlarge          16  32    828    arm64         1  T4g   16
g5g.8xlarge          32  64    1372   arm64         1  T4g   16
g5g.16xlarge         64  128   2744   arm64         2  T4g   16
g6.xlarge            4   16    805    x86_64+disks  1  L4    24
g6.2xlarge           8   32    978    x86_64+disks  1  L4    24
g6.4xlarge           16  64    1323   x86_64+disks  1  L4    24
g6.8xlarge           32  128   2014   x86_64+disks  1  L4    24
g6.12xlarge          48  192   4602   x86_64+disks  4  L4    24
g6.16xlarge          64  256   3397   x86_64+disks  1  L4    24
g6.24xlarge          96  384   6675   x86_64+disks  4  L4    24
g6.48xlarge          192 768   13350  x86_64+disks  8  L4    24
g6e.xlarge           4   32    1861   x86_64+disks  1  L40S  48
g6e.2xlarge          8   64    2242   x86_64+disks  1  L40S  48
g6e.4xlarge          16  128   3004   x86_64+disks  1  L40S  48
g6e.8xlarge          32  256   4529   x86_64+disks  1  L40S  48
g6e.12xlarge         48  384   10493  x86_64+disks  4  L40S  48
g6e.16xlarge         64  512   7577   x86_64+disks  1  L40S  48
g6e.24xlarge         96  768   15066  x86_64+disks  4  L40S  48
g6e.48xlarge         192 1536  30131  x86_64+disks  8  L40S  48
"""


def _instances() -> Iterator[Instance]:
    for line in _EVEN.strip().splitlines():
        yield from _even(line.split())
    for line in _ODD.strip().splitlines():
        yield _odd(line.split())


def _even(columns: list[str]) -> Iterator[Instance]:
    family, memory, price, machine, *sizes = columns
    architecture, _, disks = machine.partition("+")
    for text in sizes:
        size, colon, count = text.partition(":")
        vcpus = int(count) if colon else _SIZES[size]
        memory_mib = round(vcpus * float(memory) * 1024)
        yield Instance(f"{family}.{size}", vcpus, memory_mib, architecture, vcpus * float(price), disks=bool(disks))


def _odd(columns: list[str]) -> Instance:
    name, vcpus, memory, price, machine, *gpus = columns
    architecture, _, disks = machine.partition("+")
    found = Instance(name, int(vcpus), round(float(memory) * 1024), architecture, float(price), disks=bool(disks))
    if not gpus:
        return found
    count, make, gpu_memory = gpus
    return replace(found, gpus=int(count), gpu=make, gpu_mib=int(gpu_memory) * 1024)
