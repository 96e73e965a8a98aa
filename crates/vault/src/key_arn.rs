//! ARNs of KMS keys.

/// The full ARN of a KMS key (`arn:aws:kms:{region}:{account}:key/{id}`, in any partition).
///
/// Aliases and bare ids are refused, because messages contain the ARN of the key itself, and readers compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyArn(String);

/// The text is not the full ARN of a KMS key. The error does not contain the text, because it comes from outside.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("KMS key is not of the form arn:{{partition}}:kms:{{region}}:{{account}}:key/{{id}}")]
pub struct InvalidKeyArn;

impl KeyArn {
    /// Parses the full ARN of a KMS key.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyArn`] if `text` does not have the form above.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyArn> {
        if is_key_arn(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKeyArn)
        }
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two keys are different replicas of one multi-Region key. Each replica decrypts what the other has
    /// encrypted. Their ARNs differ only in the Region (KMS Developer Guide, "Multi-Region keys in AWS KMS").
    pub(crate) fn is_related_to(&self, other: &Self) -> bool {
        let parts = |key: &'_ Self| {
            let mut fields: Vec<String> = key.0.split(':').map(str::to_owned).collect();
            // The fourth field of a parsed ARN is its Region.
            let region = std::mem::take(&mut fields[3]);
            (region, fields)
        };
        let ((region, rest), (other_region, other_rest)) = (parts(self), parts(other));
        region != other_region && rest == other_rest && rest[5].starts_with("key/mrk-")
    }
}

/// Partitions and regions are letters, digits and dashes, accounts are 12 digits, key ids are UUIDs or `mrk-` and
/// hexadecimal digits (AWS service authorization reference, "Resource types defined by AWS KMS").
fn is_key_arn(text: &str) -> bool {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let fields: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, resource] = fields[..] else {
        return false;
    };
    word(partition)
        && word(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && resource.strip_prefix("key/").is_some_and(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_key_arns_of_any_partition_are_taken() {
        for text in [
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws-cn:kms:cn-north-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            assert_eq!(KeyArn::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn aliases_bare_ids_and_foreign_arns_are_refused() {
        for text in [
            "",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/recordings",
            "arn:aws:kms:us-east-1:111122223333:alias/recordings",
            "arn:aws:kms:us-east-1:111122223333:key/",
            "arn:aws:kms:us-east-1:11112222333:key/1234abcd",
            "arn:aws:kms::111122223333:key/1234abcd",
            "arn:aws:s3:us-east-1:111122223333:key/1234abcd",
            "arn:aws:kms:us-east-1:111122223333:key/1234abcd:extra",
        ] {
            assert!(KeyArn::parse(text).is_err(), "{text:?}");
        }
    }
}
