//! The sizes of a task that Fargate has.

/// CPU units with a range of memory that goes with them, in MiB: the least, the most and the steps between. The rows up to 16 vCPU
/// are of the ECS API (RegisterTaskDefinition, `memory`), those of 32 vCPU of the Batch API (`ResourceRequirement.value`).
pub(super) const FARGATE_SIZES: [(u64, u64, u64, u64); 10] = [
    (256, 512, 1024, 512),
    (256, 2048, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
    (32768, 61440, 122_880, 61440),
    (32768, 249_856, 249_856, 1),
];

/// Whether Fargate has tasks of this size: CPU units and MiB.
pub fn is_fargate_size(cpu: u64, memory: u64) -> bool {
    FARGATE_SIZES.iter().any(|&(units, least, most, step)| {
        cpu == units && (least..=most).contains(&memory) && (memory - least).is_multiple_of(step)
    })
}

/// The memory that goes with these CPU units, in MiB, in words; nothing where Fargate has no such tasks.
pub fn fargate_memory(cpu: u64) -> Option<String> {
    let ranges: Vec<String> = FARGATE_SIZES
        .iter()
        .filter(|(units, ..)| *units == cpu)
        .map(|(_, least, most, step)| match least == most {
            true => least.to_string(),
            false => format!("{least} to {most} by {step}"),
        })
        .collect();
    (!ranges.is_empty()).then(|| ranges.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_awss_tables_is_a_size_and_what_lies_beside_it_is_none() {
        let taken = [
            (256, 512),
            (256, 1024),
            (256, 2048),
            (512, 1024),
            (512, 4096),
            (1024, 2048),
            (1024, 8192),
            (2048, 4096),
            (2048, 16384),
            (4096, 8192),
            (4096, 30720),
            (8192, 16384),
            (8192, 61440),
            (16384, 32768),
            (16384, 122_880),
            (32768, 61440),
            (32768, 122_880),
            (32768, 249_856),
        ];
        let refused = [
            (256, 256),
            (256, 1536),
            (256, 3072),
            (512, 512),
            (512, 1536),
            (512, 5120),
            (1024, 1024),
            (1024, 9216),
            (2048, 2048),
            (4096, 31744),
            (8192, 17408),
            (16384, 36864),
            (32768, 65536),
            (128, 512),
            (0, 0),
        ];
        for (cpu, memory) in taken {
            assert!(is_fargate_size(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in refused {
            assert!(!is_fargate_size(cpu, memory), "{cpu} {memory}");
        }
        assert_eq!(fargate_memory(256).as_deref(), Some("512 to 1024 by 512 or 2048"));
        assert_eq!(fargate_memory(300), None);
    }
}
