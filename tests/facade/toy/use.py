"""Use the generated toy, in the place where it was generated."""

from __future__ import annotations

import descope_sync

with descope_sync.Box("b", "label") as box:
    box.put([1, 2, 3], 2)
    print(box, box.name, box.weigh("g"), box.why())
    print(list(box.things()), list(box.things(4)), list(box.batches(size=4)))
    print(box.lid.get_nowait("slowly"), box.lid.get("slowly"), box.lid.get("fast"))
    print(box.owner.count(), box.shelf(1).count(), box.find_shelf(row=2).count())
    print(box.shelf(1).holds(box), box.shelf(1).holds(descope_sync.Box("other")))
    with box.opened(wide=True) as opened, box.locked() as locked:
        print(opened, len(locked))
print(box.weigh(), box.gross(), isinstance(box, descope_sync.boxes.OnScales))
