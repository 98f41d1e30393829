import uuid


def test_a_bucket_whose_versioning_was_suspended_can_be_emptied_of_delete_markers(aws):
    s3 = aws("s3")
    bucket = f"versioned-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="lock", Body=b"held")
    s3.delete_object(Bucket=bucket, Key="lock")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    listed = s3.list_object_versions(Bucket=bucket)
    versions = [
        {"Key": found["Key"], "VersionId": found["VersionId"]}
        for found in [*listed["Versions"], *listed["DeleteMarkers"]]
    ]
    assert len(versions) == 2
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions})
    assert answer.get("Errors", []) == []
    s3.delete_bucket(Bucket=bucket)
